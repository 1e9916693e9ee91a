import { Decoder, DecoderError, DecoderOptions, type Instruction } from 'iced-x86';
import { assert } from '../../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import {
  alignmentOfChecked,
  classifyEncoded,
  endsBlock,
  INSTRUCTION_CLASS,
  isConditionalString,
  writesChecked,
} from '../decode/classify.ts';
import { type ControlRegister, controlLoaded } from '../decode/control-register.ts';
import { toMemoryOperand, toModelInstruction } from '../decode/convert.ts';
import type { MemoryOperand } from '../decode/instruction.ts';
import { type ShiftOfMemory, toShiftOfMemory } from '../decode/shift.ts';
import type { CpuException, Exit } from '../engine.ts';
import type { Pointer } from './ffi.ts';
import { reserveHostMemory } from './host-memory.ts';

const CODE_PAGES_MAX = 65_536;
const DECODE_BYTES = 512;
const INSTRUCTION_BYTES_MAX = 15;
/** Bit of a class byte: log each execution. */
export const BOUNDARY = 2;
/** Bit of a class byte: some runs stop before it. */
export const STOP = 128;
/** What is left of a class byte without those is the class. */
export const CLASS_BITS = 255 & ~(BOUNDARY | STOP);

/** An instruction whose memory operand must be accessible before it may execute. */
export interface CheckedInstruction {
  readonly kind: 'checked';
  readonly operand: MemoryOperand;
  readonly alignmentBytes: number;
  readonly writes: boolean;
  readonly loads: ControlRegister | undefined;
}

/** What is kept of a special instruction, by its position in RAM. */
export type SpecialInstruction =
  /** Ends every run that reaches it. */
  | { readonly kind: 'exit'; readonly exit: Exit }
  /** `isConditional`: cmps and scas, which may end before rcx is zero. */
  | { readonly kind: 'repeat'; readonly isConditional: boolean }
  | { readonly kind: 'aligned'; readonly operand: MemoryOperand }
  | CheckedInstruction
  | ShiftOfMemory;

/** Where code is decoded from. */
export interface CodeSource {
  /** At most `length` bytes of executable memory at a guest address. */
  read(address: number, length: number): Uint8Array;
  /** Byte offset in RAM of a guest address. */
  offsetOf(address: number): number;
}

/**
 * One byte for each byte of each executed page of RAM: the class of the instruction that starts
 * there, decoded once and only when reached. Native hooks look the bytes up; all CPUs share them.
 */
export class CodeMaps {
  readonly #maps = reserveHostMemory(CODE_PAGES_MAX * PAGE_SIZE);
  readonly #bytes = new Uint8Array(this.#maps.buffer);
  readonly #indexOfFrame = new Map<number, number>();
  readonly #decoded = new Set<number>();
  /** Frames by the frame in which their last instruction ends. */
  readonly #tails = new Map<number, Set<number>>();
  readonly #specials = new Map<number, SpecialInstruction>();
  /** Frames whose code changed, in order; CPUs catch up from their own position. */
  readonly changedFrames: number[] = [];
  /** Counts frames that came to hold decoded code or ceased to. */
  version = 0;

  readonly #onCodePage: (frame: number) => void;

  /** `onCodePage` is told of each frame that comes to hold decoded code. */
  constructor(onCodePage: (frame: number) => void) {
    this.#onCodePage = onCodePage;
  }

  /** The class map of a frame, made on first use. */
  pointerOf(frame: number): Pointer {
    return this.#maps.pointer + BigInt(this.#index(frame) * PAGE_SIZE);
  }

  /** Whether code was decoded from a frame and it was not written since. */
  has(frame: number): boolean {
    return this.#decoded.has(frame);
  }

  #index(frame: number): number {
    let index = this.#indexOfFrame.get(frame);
    if (index === undefined) {
      index = this.#indexOfFrame.size;
      assert(index < CODE_PAGES_MAX, 'pages of code that can be decoded');
      this.#indexOfFrame.set(frame, index);
    }
    return index;
  }

  /** The class byte of the instruction at a byte offset in RAM. */
  classAt(ramOffset: number): number {
    const index = this.#indexOfFrame.get(Math.floor(ramOffset / PAGE_SIZE));
    if (index === undefined) return INSTRUCTION_CLASS.unknown;
    return this.#bytes[index * PAGE_SIZE + (ramOffset % PAGE_SIZE)] ?? 0;
  }

  /** The special instruction at a byte offset in RAM, decoded before. */
  specialAt(ramOffset: number): SpecialInstruction {
    const special = this.#specials.get(ramOffset);
    assert(special !== undefined, 'a special instruction was decoded');
    return special;
  }

  /** Marks the instruction at `ramOffset`, if it was decoded and can be executed. */
  mark(ramOffset: number, bit: typeof BOUNDARY | typeof STOP): void {
    const at = this.#index(Math.floor(ramOffset / PAGE_SIZE)) * PAGE_SIZE + (ramOffset % PAGE_SIZE);
    if (this.#bytes[at] === INSTRUCTION_CLASS.unknown) return;
    this.#bytes[at] = (this.#bytes[at] ?? 0) | bit;
  }

  /**
   * Decodes the straight line from `address`, at `ramOffset`, to its end or that of its page. An
   * instruction that goes on where nothing can be executed stays unknown.
   */
  decodeBlock(address: number, source: CodeSource): void {
    const ramOffset = source.offsetOf(address);
    const frame = Math.floor(ramOffset / PAGE_SIZE);
    const base = this.#index(frame) * PAGE_SIZE;
    this.#noteDecoded(frame);
    const start = ramOffset % PAGE_SIZE;
    const code = source.read(address, DECODE_BYTES);
    const decoder = new Decoder(64, code, DecoderOptions.None);
    decoder.ip = BigInt(address);
    let done = 0;
    while (start + done < PAGE_SIZE && this.#bytes[base + start + done] === 0) {
      const left = code.length - done;
      if (left < INSTRUCTION_BYTES_MAX && done > 0 && code.length === DECODE_BYTES) break;
      const instruction = decoder.decode();
      const isTruncated = decoder.lastError === DecoderError.NoMoreBytes;
      const bytes = code.subarray(done, done + instruction.length);
      const kind = isTruncated ? INSTRUCTION_CLASS.unknown : classifyEncoded(instruction, bytes);
      this.#bytes[base + start + done] = kind;
      const special = toSpecial(kind, instruction);
      if (special !== undefined) this.#specials.set(ramOffset + done, special);
      const ends = isTruncated || endsBlock(instruction, kind);
      done += instruction.length;
      instruction.free();
      if (ends) break;
    }
    decoder.free();
    if (start + done <= PAGE_SIZE) return;
    const next = Math.floor(source.offsetOf(address + done - 1) / PAGE_SIZE);
    if (next >= 0) this.#noteTail(frame, next);
  }

  #noteDecoded(frame: number): void {
    if (this.#decoded.has(frame)) return;
    this.#decoded.add(frame);
    this.version++;
    this.#onCodePage(frame);
  }

  /** The last instruction of a frame ends in another, whose changes change it too. */
  #noteTail(frame: number, next: number): void {
    this.#noteDecoded(next);
    const frames = this.#tails.get(next) ?? new Set();
    this.#tails.set(next, frames.add(frame));
  }

  /** Forgets what was decoded from a frame: its bytes changed. */
  invalidate(frame: number): void {
    if (!this.#decoded.delete(frame)) return;
    const base = this.#index(frame) * PAGE_SIZE;
    this.#bytes.fill(0, base, base + PAGE_SIZE);
    for (let offset = frame * PAGE_SIZE; offset < (frame + 1) * PAGE_SIZE; offset++) {
      this.#specials.delete(offset);
    }
    this.changedFrames.push(frame);
    this.version++;
    const frames = this.#tails.get(frame) ?? [];
    this.#tails.delete(frame);
    for (const before of frames) this.invalidate(before);
  }
}

/** What to keep of an instruction of class `kind`. */
function toSpecial(kind: number, instruction: Instruction): SpecialInstruction | undefined {
  switch (kind) {
    case INSTRUCTION_CLASS.repeat:
      return { kind: 'repeat', isConditional: isConditionalString(instruction) };
    case INSTRUCTION_CLASS.aligned:
      return { kind: 'aligned', operand: toMemoryOperand(instruction) };
    case INSTRUCTION_CLASS.shift:
      return toShiftOfMemory(instruction);
    case INSTRUCTION_CLASS.checked:
      return {
        kind: 'checked',
        operand: toMemoryOperand(instruction),
        alignmentBytes: alignmentOfChecked(instruction),
        writes: writesChecked(instruction),
        loads: controlLoaded(instruction),
      };
    case INSTRUCTION_CLASS.syscall:
      return { kind: 'exit', exit: { kind: 'syscall' } };
    case INSTRUCTION_CLASS.model: {
      const exit: Exit = { kind: 'instruction', instruction: toModelInstruction(instruction) };
      return { kind: 'exit', exit };
    }
    case INSTRUCTION_CLASS.privileged:
      return exception('general-protection');
    case INSTRUCTION_CLASS.invalid:
      return exception('invalid-opcode');
    case INSTRUCTION_CLASS.breakpoint:
      return exception('breakpoint');
    case INSTRUCTION_CLASS.unsupported:
      return { kind: 'exit', exit: { kind: 'unsupported', detail: instruction.toString() } };
    default:
      return undefined;
  }
}

function exception(name: CpuException): SpecialInstruction {
  return { kind: 'exit', exit: { kind: 'exception', exception: name } };
}
