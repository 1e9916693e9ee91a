import {
  Code,
  Decoder,
  DecoderOptions,
  FlowControl,
  InstructionInfoFactory,
  MemorySizeExt,
  OpAccess,
  OpKind,
  Register,
} from 'iced-x86';
import {
  alignmentOfChecked,
  classify,
  INSTRUCTION_CLASS,
} from '../../emulator/engine/decode/classify.ts';

/** One encoding of an instruction that engines execute, with a memory operand at [rdi]. */
export interface MemoryEncoding {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly sizeBytes: number;
  readonly access: 'read' | 'write';
  /** A misaligned operand raises an exception. */
  readonly isAligned: boolean;
  /** The instruction only hints at an access, or computes an address. */
  readonly isHint: boolean;
  readonly isBranch: boolean;
}

const PREFIXES: readonly (readonly number[])[] = [
  [],
  [0x66],
  [0xf2],
  [0xf3],
  [0x48],
  [0x66, 0x48],
  [0xf2, 0x48],
  [0xf3, 0x48],
  [0xf0],
  [0xf0, 0x48],
];
const MAPS: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
const RDI_INDIRECT = 0x07;
/** Second encodings of test, which Unicorn does not know. */
const UNDOCUMENTED: ReadonlySet<Code> = new Set([
  Code.Test_rm8_imm8_F6r1,
  Code.Test_rm16_imm16_F7r1,
  Code.Test_rm32_imm32_F7r1,
  Code.Test_rm64_imm32_F7r1,
]);
const PADDING = [0, 0, 0, 0];

/**
 * Every instruction (as iced-x86 tells them apart) that is executed by the engine and has an explicit
 * memory operand, found by trying all opcodes of the legacy maps.
 */
export function memoryEncodings(): readonly MemoryEncoding[] {
  const found = new Map<string, MemoryEncoding>();
  for (const prefix of PREFIXES) {
    for (const map of MAPS) {
      for (let opcode = 0; opcode < 256; opcode++) {
        for (let extension = 0; extension < 8; extension++) {
          const modrm = (extension << 3) | RDI_INDIRECT;
          const bytes = Uint8Array.from([...prefix, ...map, opcode, modrm, ...PADDING]);
          const [key, encoding] = describe(bytes) ?? [];
          if (key !== undefined && encoding !== undefined && !found.has(key)) {
            found.set(key, encoding);
          }
        }
      }
    }
  }
  return [...found.values()];
}

const factory = new InstructionInfoFactory();

function describe(code: Uint8Array): readonly [string, MemoryEncoding] | undefined {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  const instruction = decoder.decode();
  decoder.free();
  try {
    if (instruction.isInvalid) return undefined;
    const kind = classify(instruction);
    const isExecuted =
      kind === INSTRUCTION_CLASS.plain ||
      kind === INSTRUCTION_CLASS.aligned ||
      kind === INSTRUCTION_CLASS.checked;
    const operands = Array.from({ length: instruction.opCount }, (_, i) => instruction.opKind(i));
    const isAtRdi = operands.includes(OpKind.Memory) && instruction.memoryBase === Register.RDI;
    if (!isExecuted || !isAtRdi || UNDOCUMENTED.has(instruction.code)) return undefined;
    const info = factory.info(instruction);
    const access = info
      .usedMemory()
      .filter((memory) => memory.base === Register.RDI)
      .map((memory) => memory.access)[0];
    info.free();
    const sizeBytes = MemorySizeExt.size(instruction.memorySize);
    const encoding: MemoryEncoding = {
      bytes: code.slice(0, instruction.length),
      text: instruction.toString(),
      sizeBytes,
      access: isWrite(access) ? 'write' : 'read',
      isAligned:
        kind === INSTRUCTION_CLASS.aligned ||
        (kind === INSTRUCTION_CLASS.checked && alignmentOfChecked(instruction) > 1),
      isHint: access === undefined || access === OpAccess.NoMemAccess || sizeBytes === 0,
      isBranch: instruction.flowControl !== FlowControl.Next,
    };
    return [`${instruction.code} ${instruction.hasLockPrefix}`, encoding];
  } finally {
    instruction.free();
  }
}

function isWrite(access: OpAccess | undefined): boolean {
  switch (access) {
    case OpAccess.Write:
    case OpAccess.CondWrite:
    case OpAccess.ReadWrite:
    case OpAccess.ReadCondWrite:
      return true;
    default:
      return false;
  }
}
