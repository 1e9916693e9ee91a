import { type Instruction, Mnemonic, OpKind, Register } from 'iced-x86';
import { toMemoryOperand } from './convert.ts';
import type { MemoryOperand } from './instruction.ts';

const CARRY_FLAG = 1n;

/**
 * A shift of memory of which Unicorn 2.0.1, where memory hooks are installed, keeps the carry flag in a
 * temporary that they overwrite.
 */
export interface ShiftOfMemory {
  readonly kind: 'shift';
  readonly operand: MemoryOperand;
  readonly direction: 'left' | 'right';
  /** What moves in from the left are copies of the sign. */
  readonly isArithmetic: boolean;
  /** `undefined` for cl. */
  readonly count: number | undefined;
}

const DIRECTIONS: ReadonlyMap<Mnemonic, ShiftOfMemory['direction']> = new Map([
  [Mnemonic.Sal, 'left'],
  [Mnemonic.Shl, 'left'],
  [Mnemonic.Shld, 'left'],
  [Mnemonic.Sar, 'right'],
  [Mnemonic.Shr, 'right'],
  [Mnemonic.Shrd, 'right'],
]);

/** Shifts of memory by cl, and double shifts of memory. */
export function isShiftOfMemory(instruction: Instruction): boolean {
  if (!DIRECTIONS.has(instruction.mnemonic) || instruction.op0Kind !== OpKind.Memory) return false;
  return instruction.opCount === 3 || isByCl(instruction);
}

function isByCl(instruction: Instruction): boolean {
  const last = instruction.opCount - 1;
  return (
    instruction.opKind(last) === OpKind.Register && instruction.opRegister(last) === Register.CL
  );
}

/** What is kept of such a shift. */
export function toShiftOfMemory(instruction: Instruction): ShiftOfMemory {
  return {
    kind: 'shift',
    operand: toMemoryOperand(instruction),
    direction: DIRECTIONS.get(instruction.mnemonic) ?? 'left',
    isArithmetic: instruction.mnemonic === Mnemonic.Sar,
    count: isByCl(instruction) ? undefined : instruction.immediate8,
  };
}

/** The flags after a shift of `before`, which Unicorn left with `after`: only the carry may differ. */
export function withCarry(
  shift: ShiftOfMemory,
  before: { readonly value: bigint; readonly rcx: bigint; readonly rflags: bigint },
  after: bigint,
): bigint {
  return (after & ~CARRY_FLAG) | carryOf(shift, before.value, before.rcx, before.rflags);
}

function carryOf(shift: ShiftOfMemory, operand: bigint, rcx: bigint, rflags: bigint): bigint {
  const bits = shift.operand.sizeBytes * 8;
  const mask = bits === 64 ? 63 : 31;
  const count = (shift.count ?? Number(rcx & 0xffn)) & mask;
  if (count === 0) return rflags & CARRY_FLAG;
  const value = shift.isArithmetic ? BigInt.asIntN(bits, operand) : operand;
  const last = shift.direction === 'left' ? bits - count : count - 1;
  return last < 0 ? 0n : (value >> BigInt(last)) & 1n;
}
