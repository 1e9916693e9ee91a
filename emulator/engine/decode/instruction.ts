import type { GeneralRegister } from '../../../kernel-model/hardware/registers.ts';

/** Instructions that the machine executes instead of the engine. */
export const MODEL_MNEMONICS = [
  'cpuid',
  'rdtsc',
  'rdtscp',
  'rdpid',
  'xgetbv',
  'popcnt',
  'movbe',
  'popf',
  'rdfsbase',
  'rdgsbase',
  'wrfsbase',
  'wrgsbase',
  'mov-from-segment',
] as const;

export type ModelMnemonic = (typeof MODEL_MNEMONICS)[number];

export interface RegisterOperand {
  readonly kind: 'register';
  readonly register: GeneralRegister;
  readonly sizeBytes: number;
}

export interface MemoryOperand {
  readonly kind: 'memory';
  readonly base: GeneralRegister | undefined;
  readonly index: GeneralRegister | undefined;
  readonly scale: number;
  /** Absolute for rip-relative operands, whose `base` is undefined. */
  readonly displacement: bigint;
  readonly segment: 'fs_base' | 'gs_base' | undefined;
  /** Address arithmetic wraps at 32 bits (address-size prefix). */
  readonly addressBytes: 4 | 8;
  readonly sizeBytes: number;
}

export type Operand = RegisterOperand | MemoryOperand;

/** An instruction decoded far enough for the machine to execute it. */
export interface ModelInstruction {
  readonly address: number;
  readonly lengthBytes: number;
  readonly mnemonic: ModelMnemonic;
  readonly operands: readonly Operand[];
  /** Selector value for mov-from-segment. */
  readonly selector: number;
}

/** The linear address of a memory operand, in wrapping 64-bit arithmetic. */
export function effectiveAddress(
  operand: MemoryOperand,
  read: (register: GeneralRegister | 'fs_base' | 'gs_base') => bigint,
): bigint {
  let offset = operand.displacement;
  if (operand.base !== undefined) offset += read(operand.base);
  if (operand.index !== undefined) offset += read(operand.index) * BigInt(operand.scale);
  offset = BigInt.asUintN(operand.addressBytes * 8, offset);
  const base = operand.segment === undefined ? 0n : read(operand.segment);
  return BigInt.asUintN(64, base + offset);
}
