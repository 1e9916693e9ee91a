import {
  Decoder,
  DecoderOptions,
  FlowControl,
  type Instruction,
  InstructionInfoFactory,
  MemorySizeExt,
  Mnemonic,
  OpAccess,
  Register,
  type UsedMemory,
} from 'iced-x86';
import { toGeneralRegister } from './convert.ts';
import type { MemoryOperand } from './instruction.ts';

/** Memory that an instruction uses, by an operand or implied: the stack, the ends of a string. */
export interface MemoryUse {
  readonly operand: MemoryOperand;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** What an instruction has to do with the world outside its registers. */
export interface InstructionUse {
  readonly memory: readonly MemoryUse[];
  readonly isSyscall: boolean;
  /** It reads the time. */
  readonly readsClock: boolean;
  /** It can raise an exception, or is there to. */
  readonly mayTrap: boolean;
  /** The one behind it is next. */
  readonly isStraight: boolean;
  readonly lengthBytes: number;
}

/** Accesses of unknown size, as of xsave, are taken to be this long. */
const SIZE_UNKNOWN_BYTES = 64;
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
const DIVISIONS: ReadonlySet<Mnemonic> = new Set([Mnemonic.Div, Mnemonic.Idiv]);
const TRAPS: ReadonlySet<FlowControl> = new Set([FlowControl.Interrupt, FlowControl.Exception]);
const CLOCK_READERS: ReadonlySet<Mnemonic> = new Set([Mnemonic.Rdtsc, Mnemonic.Rdtscp]);

/** Decodes the instruction at `ip`; of a REP string instruction the use is that of one iteration. */
export function decodeUse(code: Uint8Array, ip: number): InstructionUse {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  decoder.ip = BigInt(ip);
  const instruction = decoder.decode();
  const use: InstructionUse = {
    memory: memoryUses(instruction),
    isSyscall: instruction.mnemonic === Mnemonic.Syscall,
    readsClock: CLOCK_READERS.has(instruction.mnemonic),
    mayTrap: DIVISIONS.has(instruction.mnemonic) || TRAPS.has(instruction.flowControl),
    isStraight: instruction.flowControl === FlowControl.Next,
    lengthBytes: instruction.length,
  };
  instruction.free();
  decoder.free();
  return use;
}

function memoryUses(instruction: Instruction): MemoryUse[] {
  const factory = new InstructionInfoFactory();
  const info = factory.info(instruction);
  const uses = info.usedMemory().map((memory: UsedMemory) => {
    const { access } = memory;
    const use = {
      operand: toOperand(memory),
      reads: READS.has(access),
      writes: WRITES.has(access),
    };
    memory.free();
    return use;
  });
  info.free();
  factory.free();
  return uses.filter(({ reads, writes }) => reads || writes);
}

function toOperand(memory: UsedMemory): MemoryOperand {
  const { segment } = memory;
  const base = toGeneralRegister(memory.base);
  const index = toGeneralRegister(memory.index);
  const is32Bit = base?.sizeBytes === 4 || index?.sizeBytes === 4;
  return {
    kind: 'memory',
    base: base?.register,
    index: index?.register,
    scale: memory.scale,
    displacement: memory.displacement,
    segment: segment === Register.FS ? 'fs_base' : segment === Register.GS ? 'gs_base' : undefined,
    addressBytes: is32Bit ? 4 : 8,
    sizeBytes: MemorySizeExt.size(memory.memorySize) || SIZE_UNKNOWN_BYTES,
  };
}
