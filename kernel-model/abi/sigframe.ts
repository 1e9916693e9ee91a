/**
 * struct rt_sigframe of x86-64 (arch/x86/include/asm/sigframe.h) with its ucontext and sigcontext_64:
 * byte offsets from its start.
 */
export const RT_SIGFRAME = {
  restorer: 0,
  ucFlags: 8,
  ucLink: 16,
  stackPointer: 24,
  stackFlags: 32,
  stackSize: 40,
  generalRegisters: 48,
  instructionPointer: 176,
  flags: 184,
  /** cs, gs, fs, ss: 16 bits each. */
  segments: 192,
  errorCode: 200,
  vector: 208,
  oldMask: 216,
  cr2: 224,
  fpState: 232,
  mask: 304,
  siginfo: 312,
  size: 440,
} as const;

/** The order of the general registers in struct sigcontext_64. */
export const SIGCONTEXT_REGISTERS = [
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
  'rdi',
  'rsi',
  'rbp',
  'rbx',
  'rdx',
  'rax',
  'rcx',
  'rsp',
] as const;

/** UC_SIGCONTEXT_SS and UC_STRICT_RESTORE_SS; UC_FP_XSTATE is for CPUs with XSAVE. */
export const UC_FLAGS = 6n;
export const USER_CS = 0x33;
export const USER_DS = 0x2b;

/** What a frame lies below: the bytes under rsp that leaf functions use, and its alignments. */
export const RED_ZONE_BYTES = 128n;
export const FP_STATE_ALIGNMENT = 64n;
export const FRAME_ALIGNMENT = 16n;

/** The FXSAVE image, 64-bit form: byte offsets. */
export const FXSAVE = {
  control: 0,
  status: 2,
  tags: 4,
  mxcsr: 24,
  mxcsrMask: 28,
  st: 32,
  xmm: 160,
  /** From here on the CPU writes nothing. */
  reserved: 416,
  /** What the kernel fills with magic numbers where the CPU has XSAVE, else with zeros. */
  software: 464,
  size: 512,
} as const;

/** MXCSR bits that exist. */
export const MXCSR_MASK = 0xffff;
export const MXCSR_INIT = 0x1f80n;
export const FP_CONTROL_INIT = 0x37fn;
export const FP_TAGS_EMPTY = 0xffffn;

/** Flags that a handler starts without: DF, RF and TF. */
export const FLAGS_CLEARED_FOR_HANDLER = 0x1_0500n;
/** Flags that rt_sigreturn takes from the frame (FIX_EFLAGS). */
export const FLAGS_RESTORED = 0x5_0dd5n;
/** Of those, the ones the engine cannot have: TF and AC. */
export const FLAGS_UNMODELLED = 0x4_0100n;

/** Exception vectors, as trapno shows them. */
export const VECTOR = {
  DIVIDE_ERROR: 0,
  BREAKPOINT: 3,
  INVALID_OPCODE: 6,
  STACK_FAULT: 12,
  GENERAL_PROTECTION: 13,
  PAGE_FAULT: 14,
} as const;

/** Bits of a page fault's error code. */
export const PAGE_FAULT = { PRESENT: 1, WRITE: 2, USER: 4, FETCH: 16 } as const;
