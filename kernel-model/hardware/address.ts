import { assert } from '../assert.ts';

declare const guestAddressBrand: unique symbol;

/** A guest user-space virtual address, 0 <= address < TASK_SIZE, exact in a double. */
export type GuestAddress = number & { readonly [guestAddressBrand]: true };

export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;

/** Linux x86-64 TASK_SIZE_MAX with four-level paging: 2^47 less one guard page. */
export const TASK_SIZE = 0x7fff_ffff_f000;
export const TASK_SIZE_WORD = 0x7fff_ffff_f000n;

/** The one gate from 64-bit words to addresses: `undefined` at or above TASK_SIZE (access_ok). */
export function toGuestAddress(word: bigint): GuestAddress | undefined {
  return word < TASK_SIZE_WORD ? (Number(word) as GuestAddress) : undefined;
}

/** An address we made ourselves; asserts that it is a user-space integer. */
export function guestAddress(value: number): GuestAddress {
  assert(Number.isInteger(value) && value >= 0 && value < TASK_SIZE, 'a guest address', value);
  return value as GuestAddress;
}

/** Rounds down to a page boundary. */
export function pageStart(address: number): number {
  return address - (address % PAGE_SIZE);
}

/** Rounds up to a page boundary. */
export function pageAlign(length: number): number {
  return Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;
}

/** `0x401000`, as messages print addresses and words. */
export function formatAddress(address: number | bigint): string {
  return `0x${address.toString(16)}`;
}
