import {
  Code,
  CpuidFeature,
  EncodingKind,
  FlowControl,
  type Instruction,
  MemorySizeExt,
  Mnemonic,
  OpKind,
  Register,
} from 'iced-x86';
import { controlLoaded } from './control-register.ts';
import { hasMisreadPrefixes, isMistaken } from './mistaken.ts';
import { isShiftOfMemory } from './shift.ts';

/**
 * What an engine must do with an instruction; the values are the class bytes that the native code
 * hook looks up, so bit 0 means "execute", and bit 1 is left for boundary marks.
 */
export const INSTRUCTION_CLASS = {
  /** Not decoded yet. */
  unknown: 0,
  plain: 1,
  syscall: 4,
  /** REP string instruction: one iteration is one retired unit. */
  repeat: 8,
  /** A 16-byte memory operand that must be aligned, which Unicorn does not check. */
  aligned: 12,
  /** Executed by the machine: cpuid, rdtsc, popcnt, ... */
  model: 16,
  /** Raises #GP in user mode, where Unicorn, in ring 0, would execute it. */
  privileged: 20,
  /** Raises #UD. */
  invalid: 24,
  /** int3. */
  breakpoint: 28,
  /** Not executed rightly by this engine, nor by the machine. */
  unsupported: 32,
  /** Its memory operand must be looked at first: a fault there would leave it half executed. */
  checked: 36,
  /** A shift of memory, which loses its carry flag to our hooks. */
  shift: 40,
} as const;

export type InstructionClass = (typeof INSTRUCTION_CLASS)[keyof typeof INSTRUCTION_CLASS];

const SUPPORTED_FEATURES: ReadonlySet<CpuidFeature> = new Set([
  CpuidFeature.INTEL8086,
  CpuidFeature.INTEL186,
  CpuidFeature.INTEL286,
  CpuidFeature.INTEL386,
  CpuidFeature.INTEL486,
  CpuidFeature.X64,
  CpuidFeature.FPU,
  CpuidFeature.FPU287,
  CpuidFeature.FPU387,
  CpuidFeature.CMOV,
  CpuidFeature.CX8,
  CpuidFeature.CMPXCHG16B,
  CpuidFeature.CLFSH,
  CpuidFeature.MMX,
  CpuidFeature.SSE,
  CpuidFeature.SSE2,
  CpuidFeature.SSE3,
  CpuidFeature.SSSE3,
  CpuidFeature.SSE4_1,
  CpuidFeature.SSE4_2,
  CpuidFeature.AES,
  CpuidFeature.ADX,
  CpuidFeature.BMI1,
  CpuidFeature.BMI2,
  CpuidFeature.LZCNT,
  CpuidFeature.PREFETCHW,
  CpuidFeature.PAUSE,
  CpuidFeature.MULTIBYTENOP,
  CpuidFeature.SYSCALL,
]);

/** Instructions whose class does not follow from their encoding and features. */
const BY_MNEMONIC: ReadonlyMap<Mnemonic, InstructionClass> = new Map<Mnemonic, InstructionClass>([
  [Mnemonic.Syscall, INSTRUCTION_CLASS.syscall],
  [Mnemonic.Int3, INSTRUCTION_CLASS.breakpoint],
  [Mnemonic.Ud0, INSTRUCTION_CLASS.invalid],
  [Mnemonic.Ud1, INSTRUCTION_CLASS.invalid],
  [Mnemonic.Ud2, INSTRUCTION_CLASS.invalid],
  [Mnemonic.Rsm, INSTRUCTION_CLASS.invalid],
  [Mnemonic.Clac, INSTRUCTION_CLASS.invalid],
  [Mnemonic.Stac, INSTRUCTION_CLASS.invalid],
  [Mnemonic.Monitor, INSTRUCTION_CLASS.invalid],
  [Mnemonic.Mwait, INSTRUCTION_CLASS.invalid],
  [Mnemonic.Endbr64, INSTRUCTION_CLASS.plain],
  [Mnemonic.Endbr32, INSTRUCTION_CLASS.plain],
  [Mnemonic.Rdsspd, INSTRUCTION_CLASS.plain],
  [Mnemonic.Rdsspq, INSTRUCTION_CLASS.plain],
  [Mnemonic.Cpuid, INSTRUCTION_CLASS.model],
  [Mnemonic.Rdtsc, INSTRUCTION_CLASS.model],
  [Mnemonic.Rdtscp, INSTRUCTION_CLASS.model],
  [Mnemonic.Rdpid, INSTRUCTION_CLASS.model],
  [Mnemonic.Xgetbv, INSTRUCTION_CLASS.model],
  [Mnemonic.Popcnt, INSTRUCTION_CLASS.model],
  [Mnemonic.Movbe, INSTRUCTION_CLASS.model],
  [Mnemonic.Popf, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Popfq, INSTRUCTION_CLASS.model],
  [Mnemonic.Rdfsbase, INSTRUCTION_CLASS.model],
  [Mnemonic.Rdgsbase, INSTRUCTION_CLASS.model],
  [Mnemonic.Wrfsbase, INSTRUCTION_CLASS.model],
  [Mnemonic.Wrgsbase, INSTRUCTION_CLASS.model],
  [Mnemonic.Maskmovq, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Maskmovdqu, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Int, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Int1, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Iret, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Iretd, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Iretq, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Retf, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Sysenter, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Sysexit, INSTRUCTION_CLASS.privileged],
  [Mnemonic.Sysret, INSTRUCTION_CLASS.privileged],
  [Mnemonic.Sgdt, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Sidt, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Sldt, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Str, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Smsw, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Lar, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Lsl, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Verr, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Verw, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Lss, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Lfs, INSTRUCTION_CLASS.unsupported],
  [Mnemonic.Lgs, INSTRUCTION_CLASS.unsupported],
]);

/** SSE instructions whose 16-byte memory operand may have any alignment. */
const UNALIGNED_OPERAND: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Movups,
  Mnemonic.Movupd,
  Mnemonic.Movdqu,
  Mnemonic.Lddqu,
  Mnemonic.Pcmpistri,
  Mnemonic.Pcmpistrm,
]);

const SEGMENT_REGISTERS: ReadonlySet<Register> = new Set([
  Register.ES,
  Register.CS,
  Register.SS,
  Register.DS,
  Register.FS,
  Register.GS,
]);

/** Classifies a decoded instruction for user mode on a CPU with the features we report. */
export function classify(instruction: Instruction): InstructionClass {
  if (instruction.isInvalid) return INSTRUCTION_CLASS.invalid;
  const known = BY_MNEMONIC.get(instruction.mnemonic);
  if (known !== undefined) return known;
  if (instruction.isPrivileged || touchesControlRegister(instruction)) {
    return INSTRUCTION_CLASS.privileged;
  }
  if (instruction.flowControl === FlowControl.Interrupt) return INSTRUCTION_CLASS.unsupported;
  if (isFarTransfer(instruction.code)) return INSTRUCTION_CLASS.unsupported;
  const segment = segmentMove(instruction);
  if (segment !== undefined) return segment;
  if (!isSupportedEncoding(instruction) || isMistaken(instruction)) {
    return INSTRUCTION_CLASS.unsupported;
  }
  if (isNestedEnter(instruction)) return INSTRUCTION_CLASS.unsupported;
  if (isRepeatedString(instruction)) {
    return countsInEcx(instruction) ? INSTRUCTION_CLASS.unsupported : INSTRUCTION_CLASS.repeat;
  }
  if (isShiftOfMemory(instruction)) return INSTRUCTION_CLASS.shift;
  if (needsCheck(instruction)) return INSTRUCTION_CLASS.checked;
  if (needsAlignment(instruction)) {
    return isAlignedForSure(instruction) ? INSTRUCTION_CLASS.plain : INSTRUCTION_CLASS.aligned;
  }
  return INSTRUCTION_CLASS.plain;
}

/** Classifies a decoded instruction whose bytes are `code`. */
export function classifyEncoded(instruction: Instruction, code: Uint8Array): InstructionClass {
  if (hasMisreadPrefixes(code, instruction)) return INSTRUCTION_CLASS.unsupported;
  return classify(instruction);
}

function isSupportedEncoding(instruction: Instruction): boolean {
  const features = instruction.cpuidFeatures();
  if (!features.every((feature) => SUPPORTED_FEATURES.has(feature))) return false;
  if (instruction.encoding === EncodingKind.Legacy) return true;
  return (
    instruction.encoding === EncodingKind.VEX &&
    features.every((feature) => feature === CpuidFeature.BMI1 || feature === CpuidFeature.BMI2)
  );
}

/** mov from a segment register is answered by the machine; loads of one are refused. */
function segmentMove(instruction: Instruction): InstructionClass | undefined {
  for (let operand = 0; operand < instruction.opCount; operand++) {
    if (instruction.opKind(operand) !== OpKind.Register) continue;
    if (!SEGMENT_REGISTERS.has(instruction.opRegister(operand))) continue;
    const isRead = instruction.mnemonic === Mnemonic.Mov && operand === 1;
    return isRead ? INSTRUCTION_CLASS.model : INSTRUCTION_CLASS.unsupported;
  }
  return undefined;
}

function touchesControlRegister(instruction: Instruction): boolean {
  for (let operand = 0; operand < instruction.opCount; operand++) {
    if (instruction.opKind(operand) !== OpKind.Register) continue;
    const register = instruction.opRegister(operand);
    if (register >= Register.CR0 && register <= Register.DR15) return true;
  }
  return false;
}

function isFarTransfer(code: Code): boolean {
  return (
    (code >= Code.Call_m1616 && code <= Code.Call_m1664) ||
    (code >= Code.Jmp_m1616 && code <= Code.Jmp_m1664)
  );
}

function isRepeatedString(instruction: Instruction): boolean {
  const repeated =
    instruction.hasRepPrefix || instruction.hasRepePrefix || instruction.hasRepnePrefix;
  return instruction.isStringInstruction && repeated;
}

const CONDITIONAL_STRINGS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Cmpsb,
  Mnemonic.Cmpsw,
  Mnemonic.Cmpsd,
  Mnemonic.Cmpsq,
  Mnemonic.Scasb,
  Mnemonic.Scasw,
  Mnemonic.Scasd,
  Mnemonic.Scasq,
]);

const ECX_OPERANDS: ReadonlySet<OpKind> = new Set([
  OpKind.MemoryESEDI,
  OpKind.MemorySegESI,
  OpKind.MemorySegEDI,
]);

/** The address-size prefix makes ecx the count. */
function countsInEcx(instruction: Instruction): boolean {
  for (let operand = 0; operand < instruction.opCount; operand++) {
    if (ECX_OPERANDS.has(instruction.opKind(operand))) return true;
  }
  return false;
}

/** True for string compares, whose repetition may end on a flag. */
export function isConditionalString(instruction: Instruction): boolean {
  return CONDITIONAL_STRINGS.has(instruction.mnemonic);
}

/**
 * Instructions that Unicorn executes in a helper function, from which a store that faults does not
 * return early, those that change a register before their access, and one that it takes for a nop.
 */
const CHANGING_BEFORE_FAULT: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Clflush,
  Mnemonic.Cmpxchg8b,
  Mnemonic.Cmpxchg16b,
  Mnemonic.Fbld,
  Mnemonic.Fbstp,
  Mnemonic.Fldenv,
  Mnemonic.Fnstenv,
  Mnemonic.Fnsave,
  Mnemonic.Frstor,
  Mnemonic.Rcl,
  Mnemonic.Rcr,
]);
const READ_ONLY: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Clflush,
  Mnemonic.Fbld,
  Mnemonic.Fldcw,
  Mnemonic.Fldenv,
  Mnemonic.Frstor,
  Mnemonic.Ldmxcsr,
]);
const EXTENDED_REAL_BYTES = 10;

function needsCheck(instruction: Instruction): boolean {
  if (!hasMemoryOperand(instruction)) return false;
  if (CHANGING_BEFORE_FAULT.has(instruction.mnemonic) || hasMmxOperand(instruction)) return true;
  if (controlLoaded(instruction) !== undefined) return true;
  return (
    instruction.mnemonic === Mnemonic.Fstp &&
    MemorySizeExt.size(instruction.memorySize) === EXTENDED_REAL_BYTES
  );
}

/** MMX instructions reset the x87 stack before their access. */
function hasMmxOperand(instruction: Instruction): boolean {
  for (let operand = 0; operand < instruction.opCount; operand++) {
    if (instruction.opKind(operand) !== OpKind.Register) continue;
    const register = instruction.opRegister(operand);
    if (register >= Register.MM0 && register <= Register.MM7) return true;
  }
  return false;
}

/** Whether an instruction of class `checked` writes its memory operand. */
export function writesChecked(instruction: Instruction): boolean {
  return !READ_ONLY.has(instruction.mnemonic) && instruction.op0Kind === OpKind.Memory;
}

/** The alignment that the memory operand of an instruction of class `checked` must have. */
export function alignmentOfChecked(instruction: Instruction): number {
  return needsAlignment(instruction) ? MemorySizeExt.size(instruction.memorySize) : 1;
}

/** `enter` that copies frame pointers: several stores in one instruction. */
function isNestedEnter(instruction: Instruction): boolean {
  return instruction.mnemonic === Mnemonic.Enter && instruction.immediate8_2nd !== 0;
}

function needsAlignment(instruction: Instruction): boolean {
  if (MemorySizeExt.size(instruction.memorySize) !== 16 || !hasMemoryOperand(instruction)) {
    return false;
  }
  return (
    instruction.encoding === EncodingKind.Legacy && !UNALIGNED_OPERAND.has(instruction.mnemonic)
  );
}

function hasMemoryOperand(instruction: Instruction): boolean {
  for (let operand = 0; operand < instruction.opCount; operand++) {
    if (instruction.opKind(operand) === OpKind.Memory) return instruction.mnemonic !== Mnemonic.Lea;
  }
  return false;
}

function isAlignedForSure(instruction: Instruction): boolean {
  const segment = instruction.memorySegment;
  if (segment === Register.FS || segment === Register.GS) return false;
  if (instruction.isIpRelMemoryOperand) return instruction.ipRelMemoryAddress % 16n === 0n;
  const isAbsolute =
    instruction.memoryBase === Register.None && instruction.memoryIndex === Register.None;
  return isAbsolute && instruction.memoryDisplacement % 16n === 0n;
}

/** True where straight-line execution may end: decoding a block stops after this instruction. */
export function endsBlock(instruction: Instruction, kind: InstructionClass): boolean {
  if (kind === INSTRUCTION_CLASS.invalid || kind === INSTRUCTION_CLASS.unsupported) return true;
  return instruction.flowControl !== FlowControl.Next;
}
