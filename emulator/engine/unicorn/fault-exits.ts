import { PAGE_SIZE, pageStart } from '../../../kernel-model/hardware/address.ts';
import type { RegisterName } from '../../../kernel-model/hardware/registers.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import type { ControlRegister } from '../decode/control-register.ts';
import type { FaultingInstruction } from '../decode/faulting.ts';
import { effectiveAddress } from '../decode/instruction.ts';
import type { CpuException, Exit } from '../engine.ts';
import type { CheckedInstruction } from './code-maps.ts';
import type { Mapper } from './mapper.ts';

const EXCEPTIONS: ReadonlyMap<number, CpuException> = new Map([
  [0, 'divide-error'],
  [3, 'breakpoint'],
  [6, 'invalid-opcode'],
  [13, 'general-protection'],
]);

/** The exit for an exception vector that Unicorn reports. */
export function exitOfVector(vector: number): Exit {
  const exception = EXCEPTIONS.get(vector);
  if (exception !== undefined) return { kind: 'exception', exception };
  return { kind: 'unsupported', detail: `CPU exception ${vector}` };
}

/**
 * The exit for a load that faults. Unicorn reads more than their operand for some instructions, among
 * them cvtdq2pd and roundsd; what such a read finds is no fault of the guest's.
 */
export function exitOfLoad(
  { text, loaded, isReadModifyWrite }: FaultingInstruction,
  address: number | bigint,
  read: (register: RegisterName) => bigint,
): Exit {
  if (loaded !== undefined) {
    const end = effectiveAddress(loaded, read) + BigInt(loaded.sizeBytes);
    if (BigInt(address) >= end) {
      return { kind: 'unsupported', detail: `${text} at the end of readable memory` };
    }
  }
  return { kind: 'fault', access: isReadModifyWrite ? 'write' : 'read', address };
}

/** The fault of an instruction of which not every byte can be fetched. */
export function unfetchable(mapper: Mapper, ip: number): Exit {
  const isFirstPageFine = mapper.firstInaccessible(ip, 1, PROT_EXEC) === undefined;
  const address = isFirstPageFine ? pageStart(ip) + PAGE_SIZE : ip;
  return { kind: 'fault', access: 'fetch', address };
}

/** Where an instruction of class `checked` will access memory, or the exit that it ends in. */
export function checkOperand(
  mapper: Mapper,
  { operand, alignmentBytes, writes }: CheckedInstruction,
  read: (register: RegisterName) => bigint,
): number | Exit {
  const linear = effectiveAddress(operand, read);
  if (linear % BigInt(alignmentBytes) !== 0n) {
    return { kind: 'exception', exception: 'general-protection' };
  }
  const address = Number(linear);
  const protection = writes ? PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC;
  const bad = mapper.firstInaccessible(address, operand.sizeBytes, protection);
  if (bad === undefined) return address;
  const access = writes ? 'write' : 'read';
  return { kind: 'fault', access, address: Number.isSafeInteger(bad) ? bad : linear };
}

/** The exit of an instruction that loads what we cannot follow into a control register. */
export function exitOfControlLoad(
  mapper: Mapper,
  ram: Uint8Array,
  register: ControlRegister,
  address: number,
): Exit | undefined {
  const value = Number(mapper.readData(ram, address, register.sizeBytes) ?? 0n);
  if ((value & register.reserved) !== 0) {
    return { kind: 'exception', exception: 'general-protection' };
  }
  const { ones, zeros, name } = register;
  if ((value & ones) === ones && (value & zeros) === 0) return undefined;
  return { kind: 'unsupported', detail: `that loads ${name} with 0x${value.toString(16)}` };
}
