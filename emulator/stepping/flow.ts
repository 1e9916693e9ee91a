import { Decoder, DecoderOptions, FlowControl } from 'iced-x86';

/** The longest x86-64 instruction. */
const INSTRUCTION_BYTES_MAX = 15;

/** Code bytes at an address, fewer than asked for at the end of what is mapped. */
export type CodeReader = (address: number, lengthBytes: number) => Uint8Array | undefined;

/** Where control goes after an instruction. */
export interface Flow {
  /**
   * 'straight' goes on behind it, 'branch' there or to the target, 'jump' to the target, 'call' to
   * the target and then behind it; 'lost' cannot be told: returns, indirect jumps, invalid code.
   */
  readonly kind: 'straight' | 'branch' | 'jump' | 'call' | 'syscall' | 'lost';
  /** The address behind it. */
  readonly next: number;
  /** Of a direct branch, jump or call. */
  readonly target: number | undefined;
}

/** Decodes the instruction at an address; `undefined` if its bytes are no instruction. */
export function flowAt(code: CodeReader, address: number): Flow | undefined {
  const bytes = readInstruction(code, address);
  if (bytes === undefined) return undefined;
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  decoder.ip = BigInt(address);
  const instruction = decoder.decode();
  const { isInvalid, flowControl } = instruction;
  const next = Number(instruction.nextIP);
  const target = Number(instruction.nearBranchTarget);
  instruction.free();
  decoder.free();
  return isInvalid ? undefined : classify(flowControl, next, target);
}

function classify(flowControl: FlowControl, next: number, target: number): Flow {
  switch (flowControl) {
    case FlowControl.Next:
      return { kind: 'straight', next, target: undefined };
    case FlowControl.ConditionalBranch:
    case FlowControl.XbeginXabortXend:
      return { kind: 'branch', next, target };
    case FlowControl.UnconditionalBranch:
      return { kind: 'jump', next, target };
    case FlowControl.IndirectCall:
      return { kind: 'call', next, target: undefined };
    case FlowControl.Call:
      // System calls count as calls there; they have no target.
      return target === 0
        ? { kind: 'syscall', next, target: undefined }
        : { kind: 'call', next, target };
    default:
      return { kind: 'lost', next, target: undefined };
  }
}

/** The bytes of one instruction at least, fewer at the end of a mapping. */
export function readInstruction(code: CodeReader, address: number): Uint8Array | undefined {
  for (let length = INSTRUCTION_BYTES_MAX; length > 0; length--) {
    const bytes = code(address, length);
    if (bytes !== undefined && bytes.length > 0) return bytes;
  }
  return undefined;
}
