import {
  Decoder,
  DecoderOptions,
  Encoder,
  FlowControl,
  type Instruction,
  InstructionInfoFactory,
  OpAccess,
  OpKind,
} from 'iced-x86';

/** One instruction of a guest, as far as operators look at it. */
export interface Code {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Writes memory by an operand. */
  readonly stores: boolean;
  readonly flow: 'next' | 'conditional' | 'other';
  /** Where a direct branch goes. */
  readonly target: number | undefined;
  /** Means something else at another address. */
  readonly isRelative: boolean;
}

const INSTRUCTION_BYTES_MAX = 15;

/** The instruction at `address`, the first of `bytes`; undefined where there is none. */
export function decode(bytes: Uint8Array, address: number): Code | undefined {
  return withInstruction(bytes, address, (instruction) => ({
    address,
    bytes: bytes.slice(0, instruction.length),
    stores: stores(instruction),
    flow: flowOf(instruction),
    target: isDirectBranch(instruction) ? Number(instruction.nearBranchTarget) : undefined,
    isRelative: isDirectBranch(instruction) || instruction.isIpRelMemoryOperand,
  }));
}

/**
 * The instruction with `change` made to it, encoded again at its place; undefined where that cannot
 * be or takes another number of bytes.
 */
export function reencode(
  { bytes, address }: Code,
  change: (instruction: Instruction) => void,
): Uint8Array | undefined {
  const encoded = withInstruction(bytes, address, (instruction) => {
    const encoder = new Encoder(64);
    try {
      change(instruction);
      encoder.encode(instruction, BigInt(address));
      return encoder.takeBuffer();
    } catch {
      return undefined;
    } finally {
      encoder.free();
    }
  });
  return encoded?.length === bytes.length ? encoded : undefined;
}

/** What `look` makes of the first instruction of `bytes`; the objects of iced-x86 are freed by hand. */
export function withInstruction<R>(
  bytes: Uint8Array,
  address: number,
  look: (instruction: Instruction) => R,
): R | undefined {
  const decoder = new Decoder(64, bytes.slice(0, INSTRUCTION_BYTES_MAX), DecoderOptions.None);
  decoder.ip = BigInt(address);
  const instruction = decoder.decode();
  try {
    return instruction.isInvalid ? undefined : look(instruction);
  } finally {
    instruction.free();
    decoder.free();
  }
}

function isDirectBranch(instruction: Instruction): boolean {
  return instruction.opCount > 0 && instruction.op0Kind === OpKind.NearBranch64;
}

function flowOf(instruction: Instruction): Code['flow'] {
  if (instruction.flowControl === FlowControl.Next) return 'next';
  return instruction.flowControl === FlowControl.ConditionalBranch ? 'conditional' : 'other';
}

const READS: ReadonlySet<OpAccess> = new Set([
  OpAccess.None,
  OpAccess.Read,
  OpAccess.CondRead,
  OpAccess.NoMemAccess,
]);

function stores(instruction: Instruction): boolean {
  const factory = new InstructionInfoFactory();
  const info = factory.info(instruction);
  let writes = false;
  for (let i = 0; i < instruction.opCount; i++) {
    if (instruction.opKind(i) === OpKind.Memory && !READS.has(info.opAccess(i))) writes = true;
  }
  info.free();
  factory.free();
  return writes;
}
