import {
  Decoder,
  DecoderOptions,
  FlowControl,
  type Instruction as IcedInstruction,
  InstructionInfoFactory,
  MemorySizeExt,
  Mnemonic,
  OpAccess,
  OpKind,
  Register,
  RegisterExt,
  type UsedMemory,
  type UsedRegister,
} from 'iced-x86';

/** The longest x86-64 instruction. */
export const INSTRUCTION_BYTES_MAX = 15;

/** Where control goes; `trap` raises a signal. */
export type FlowKind =
  | 'next'
  | 'jump'
  | 'branch'
  | 'indirect'
  | 'return'
  | 'call'
  | 'system-call'
  | 'trap';

/** One piece of memory that an instruction accesses, pushes and string operands included. */
export interface MemoryUse {
  readonly segment: Register;
  readonly base: Register;
  readonly index: Register;
  readonly scale: number;
  /** Signed; the absolute address of an operand relative to the instruction pointer. */
  readonly displacement: number;
  readonly sizeBytes: number;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** An instruction with what it does; registers are named by their full width, segments left out. */
export interface Instruction {
  readonly address: number;
  /** The address behind it. */
  readonly next: number;
  readonly mnemonic: Mnemonic;
  readonly flow: FlowKind;
  /** Of a direct jump, branch or call. */
  readonly target: number | undefined;
  readonly memory: readonly MemoryUse[];
  readonly reads: readonly Register[];
  /** Changed, at least in part or sometimes. */
  readonly writes: readonly Register[];
  /** Of `writes` those that get a new value in whole. */
  readonly kills: readonly Register[];
  /** Bits of RflagsBits. */
  readonly flagsRead: number;
  readonly flagsChanged: number;
  readonly lock: boolean;
  readonly repeat: boolean;
  /** The last operand, if it is an immediate. */
  readonly immediate: number | undefined;
  /** The last operand, if it is a register. */
  readonly source: Register | undefined;
  /** What `lea` makes of a place relative to the instruction pointer. */
  readonly loadedAddress: number | undefined;
}

const READS: ReadonlySet<OpAccess> = new Set([
  OpAccess.Read,
  OpAccess.CondRead,
  OpAccess.ReadWrite,
  OpAccess.ReadCondWrite,
]);
const WRITES: ReadonlySet<OpAccess> = new Set([
  OpAccess.Write,
  OpAccess.CondWrite,
  OpAccess.ReadWrite,
  OpAccess.ReadCondWrite,
]);
const KILLS: ReadonlySet<OpAccess> = new Set([OpAccess.Write, OpAccess.ReadWrite]);

/**
 * Decodes instructions one behind the other from `address` on, at most `count`; ends early at bytes that
 * are none, or at the end of the code.
 */
export function decodeRun(code: Uint8Array, address: number, count: number): Instruction[] {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  decoder.ip = BigInt(address);
  const factory = new InstructionInfoFactory();
  const instructions: Instruction[] = [];
  while (instructions.length < count && decoder.canDecode) {
    const decoded = decoder.decode();
    const valid = !decoded.isInvalid;
    if (valid) instructions.push(toInstruction(decoded, factory));
    decoded.free();
    if (!valid) break;
  }
  factory.free();
  decoder.free();
  return instructions;
}

function toInstruction(decoded: IcedInstruction, factory: InstructionInfoFactory): Instruction {
  const info = factory.info(decoded);
  const memory = info
    .usedMemory()
    .map(toMemoryUse)
    .filter(({ reads, writes }) => reads || writes);
  const registers = info
    .usedRegisters()
    .map(toRegisterUse)
    .filter(({ register }) => !RegisterExt.isSegmentRegister(register));
  info.free();
  const last = decoded.opCount - 1;
  const lastKind = last < 0 ? undefined : decoded.opKind(last);
  const flow = flowOf(decoded);
  return {
    address: Number(decoded.ip),
    next: Number(decoded.nextIP),
    mnemonic: decoded.mnemonic,
    flow,
    target: targetOf(decoded, flow),
    memory,
    reads: registers.filter(({ access }) => READS.has(access)).map(({ register }) => register),
    writes: registers.filter(({ access }) => WRITES.has(access)).map(({ register }) => register),
    kills: registers.filter(({ kills }) => kills).map(({ register }) => register),
    flagsRead: decoded.rflagsRead,
    flagsChanged: decoded.rflagsModified,
    lock: decoded.hasLockPrefix,
    repeat: decoded.isStringInstruction && (decoded.hasRepPrefix || decoded.hasRepnePrefix),
    immediate:
      lastKind !== undefined && IMMEDIATES.has(lastKind)
        ? Number(BigInt.asIntN(64, decoded.immediate(last)))
        : undefined,
    source:
      lastKind === OpKind.Register ? RegisterExt.fullRegister(decoded.opRegister(last)) : undefined,
    loadedAddress:
      decoded.mnemonic === Mnemonic.Lea && decoded.isIpRelMemoryOperand
        ? Number(decoded.ipRelMemoryAddress)
        : undefined,
  };
}

const IMMEDIATES: ReadonlySet<OpKind> = new Set([
  OpKind.Immediate8,
  OpKind.Immediate16,
  OpKind.Immediate32,
  OpKind.Immediate64,
  OpKind.Immediate8to16,
  OpKind.Immediate8to32,
  OpKind.Immediate8to64,
  OpKind.Immediate32to64,
]);

function toMemoryUse(used: UsedMemory): MemoryUse {
  const { segment, base, index, scale, displacement, memorySize, access } = used;
  used.free();
  return {
    segment,
    base: RegisterExt.fullRegister(base),
    index: RegisterExt.fullRegister(index),
    scale,
    displacement: Number(BigInt.asIntN(64, displacement)),
    // Repeated string instructions have no size that is known.
    sizeBytes: Math.max(1, MemorySizeExt.size(memorySize)),
    reads: READS.has(access),
    writes: WRITES.has(access),
  };
}

function toRegisterUse(used: UsedRegister) {
  const { register, access } = used;
  used.free();
  // A write of 32 bits clears the upper half; smaller ones keep the rest.
  const whole = RegisterExt.size(register) >= 4;
  return {
    register: RegisterExt.fullRegister(register),
    access,
    kills: whole && KILLS.has(access),
  };
}

const SYSTEM_CALL_VECTOR = 0x80;

function flowOf(decoded: IcedInstruction): FlowKind {
  switch (decoded.flowControl) {
    case FlowControl.Next:
      return decoded.mnemonic === Mnemonic.Hlt ? 'trap' : 'next';
    case FlowControl.UnconditionalBranch:
      return 'jump';
    case FlowControl.ConditionalBranch:
    case FlowControl.XbeginXabortXend:
      return 'branch';
    case FlowControl.IndirectBranch:
      return 'indirect';
    case FlowControl.Return:
      return decoded.mnemonic === Mnemonic.Ret ? 'return' : 'system-call';
    case FlowControl.Call:
      return SYSTEM_CALLS.has(decoded.mnemonic) ? 'system-call' : 'call';
    case FlowControl.IndirectCall:
      return 'call';
    case FlowControl.Interrupt:
      return decoded.mnemonic === Mnemonic.Int &&
        Number(decoded.immediate(0)) === SYSTEM_CALL_VECTOR
        ? 'system-call'
        : 'trap';
    default:
      return 'trap';
  }
}

const SYSTEM_CALLS: ReadonlySet<Mnemonic> = new Set([Mnemonic.Syscall, Mnemonic.Sysenter]);

function targetOf(decoded: IcedInstruction, flow: FlowKind): number | undefined {
  const direct = flow === 'jump' || flow === 'branch' || flow === 'call';
  if (!direct || decoded.flowControl === FlowControl.IndirectCall) return undefined;
  return Number(decoded.nearBranchTarget);
}

/** Whether two operands are written alike and may overlap; their registers must be unchanged. */
export function isSamePlace(a: MemoryUse, b: MemoryUse): boolean {
  return (
    a.segment === b.segment &&
    a.base === b.base &&
    a.index === b.index &&
    (a.index === Register.None || a.scale === b.scale) &&
    a.displacement < b.displacement + b.sizeBytes &&
    b.displacement < a.displacement + a.sizeBytes
  );
}

/** Memory on the stack, by its base register; a frame pointer is one only by what is below it. */
export function isStack({ base, displacement }: MemoryUse): boolean {
  return base === Register.RSP || (base === Register.RBP && displacement < 0);
}

/** Memory at a distance from the thread pointer. */
export function isThreadLocal({ segment }: MemoryUse): boolean {
  return segment === Register.FS || segment === Register.GS;
}

/** The general registers that the address of an operand depends on. */
export function addressRegisters({ base, index }: MemoryUse): Register[] {
  return [base, index].filter(
    (register) => register !== Register.None && register !== Register.RIP,
  );
}
