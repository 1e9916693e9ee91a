import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { INSTRUCTION_CLASS } from '../decode/classify.ts';
import { decodeFaulting, type FaultingInstruction } from '../decode/faulting.ts';
import type { BOUNDARY, CodeMaps, CodeSource, STOP } from './code-maps.ts';
import type { ControlBlock } from './control-block.ts';
import type { Mapper } from './mapper.ts';

const INSTRUCTION_BYTES_MAX = 15;

/** The code that one CPU executes: what is decoded of it, and what it must forget when it changes. */
export class GuestCode implements CodeSource {
  readonly #codeMaps: CodeMaps;
  readonly #control: ControlBlock;
  readonly #mapper: Mapper;
  readonly #ram: Uint8Array;
  #changesSeen = 0;

  constructor(codeMaps: CodeMaps, control: ControlBlock, mapper: Mapper, ram: Uint8Array) {
    this.#codeMaps = codeMaps;
    this.#control = control;
    this.#mapper = mapper;
    this.#ram = ram;
  }

  /** The bytes at an address up to the first that cannot be executed. */
  read(address: number, length = INSTRUCTION_BYTES_MAX): Uint8Array {
    return this.#mapper.readCode(this.#ram, address, length);
  }

  /** Byte offset in RAM of a guest address, -1 if it is not mapped. */
  offsetOf(address: number): number {
    return this.#mapper.offsetOf(address);
  }

  /** Catches up with the pages of code that changed since this CPU ran. */
  followChanges(): void {
    const { changedFrames } = this.#codeMaps;
    if (this.#changesSeen !== changedFrames.length) {
      for (const frame of changedFrames.slice(this.#changesSeen)) this.#mapper.forgetFrame(frame);
      this.#changesSeen = changedFrames.length;
      this.#control.forgetClassMaps();
    }
    this.#mapper.followCode();
  }

  /** The page of an address is about to be written. */
  invalidate(address: number): void {
    this.#codeMaps.invalidate(Math.floor(this.#mapper.offsetOf(address) / PAGE_SIZE));
    this.followChanges();
  }

  /** Decodes the block at `ip`; false if its first instruction cannot be fetched whole. */
  decode(ip: number): boolean {
    const offset = this.#mapper.offsetOf(ip);
    this.#codeMaps.decodeBlock(ip, this);
    const frame = Math.floor(offset / PAGE_SIZE);
    this.#control.setClassMap(Math.floor(ip / PAGE_SIZE), this.#codeMaps.pointerOf(frame));
    this.#mapper.followCode();
    return this.#codeMaps.classAt(offset) !== INSTRUCTION_CLASS.unknown;
  }

  decodeFaulting(ip: number): FaultingInstruction {
    return decodeFaulting(this.read(ip), ip);
  }

  mark(address: number, bit: typeof BOUNDARY | typeof STOP): void {
    const offset = this.#mapper.offsetOf(address);
    if (offset < 0) return;
    if (this.#codeMaps.classAt(offset) === INSTRUCTION_CLASS.unknown) this.decode(address);
    this.#codeMaps.mark(offset, bit);
  }
}
