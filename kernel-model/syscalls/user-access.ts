import { toGuestAddress } from '../hardware/address.ts';
import type { UserMemory } from '../mm/user-memory.ts';

/*
 * Access to user memory by a 64-bit word as the guest passed it: get_user, put_user, copy_from_user
 * and copy_to_user with their access_ok. `undefined` or false is EFAULT.
 */

export function getU64(memory: UserMemory, word: bigint): bigint | undefined {
  const address = toGuestAddress(word);
  return address === undefined ? undefined : memory.readU64(address);
}

export function putU32(memory: UserMemory, word: bigint, value: number): boolean {
  const address = toGuestAddress(word);
  return address !== undefined && memory.writeU32(address, value);
}

export function putU64(memory: UserMemory, word: bigint, value: bigint): boolean {
  const address = toGuestAddress(word);
  return address !== undefined && memory.writeU64(address, BigInt.asUintN(64, value));
}

export function copyFrom(
  memory: UserMemory,
  word: bigint,
  lengthBytes: number,
): Uint8Array | undefined {
  const address = toGuestAddress(word);
  return address === undefined ? undefined : memory.read(address, lengthBytes);
}

export function copyTo(memory: UserMemory, word: bigint, bytes: Uint8Array): boolean {
  const address = toGuestAddress(word);
  return address !== undefined && memory.write(address, bytes);
}
