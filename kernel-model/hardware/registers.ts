/** The general registers in the order of their x86-64 encoding. */
export const GENERAL_REGISTERS = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
] as const;

export type GeneralRegister = (typeof GENERAL_REGISTERS)[number];

/** Every 64-bit register that the kernel model reads or writes by name. */
export type RegisterName = GeneralRegister | 'rflags' | 'fs_base' | 'gs_base';

/**
 * A task's user registers as the kernel sees them (struct pt_regs). The instruction pointer is a
 * number: it may be any 64-bit value in the architecture, yet only values below TASK_SIZE execute.
 */
export interface TaskRegisters {
  instructionPointer: number;
  read(register: RegisterName): bigint;
  write(register: RegisterName, value: bigint): void;
  /** Copies every register into `file`, REGISTER_FILE_WORDS words as REGISTER_FILE names them. */
  readFile(file: BigUint64Array): void;
  /** Sets every register from `file`. */
  writeFile(file: BigUint64Array): void;
}
