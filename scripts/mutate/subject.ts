import { join } from 'node:path';
import { type ProgramImage, sectionBytes } from '../../emulator/loader/image.ts';
import { loadProgram } from '../../emulator/loader/load.ts';
import { parseProgram } from '../../emulator/loader/parse.ts';
import { type Code, decode } from './code.ts';

/** A descriptor's fields, as distances from its start. */
export const DESCRIPTOR = { start: 8, length: 16, abort: 24 } as const;

/** One section of a guest, with the code around it. */
export interface Section {
  /** Where its descriptor is. */
  readonly descriptor: number;
  readonly start: number;
  readonly end: number;
  readonly abort: number;
  /** The instructions of [start, end). */
  readonly code: readonly Code[];
  /** The store to rseq_cs, right before the start; undefined where something else is there. */
  readonly arm: Code | undefined;
  /** The instruction at the end, and the first one of the abort handler. */
  readonly next: Code | undefined;
  readonly handler: Code | undefined;
}

/** A correct guest that mutants are made of. */
export interface Subject {
  readonly name: string;
  readonly args: readonly string[];
  readonly vcpus: number;
  /** Interruptions that its mutants are tried with. */
  readonly interruptions: number;
  readonly image: ProgramImage;
  /** The flat image. */
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
}

/** `mov %rax, %fs:0x28`: the store to rseq_cs. */
const ARM = [0x64, 0x48, 0x89, 0x04, 0x25, 0x28, 0, 0, 0];

/** Reads a guest of the folder `folder`, a flat image with its ELF file beside it. */
export function readSubject(
  folder: string,
  settings: Pick<Subject, 'name' | 'args' | 'vcpus' | 'interruptions'>,
): Subject {
  const { image } = loadProgram(join(folder, `${settings.name}.bin`));
  const content = image.segments[0]?.bytes;
  if (content === undefined) throw new Error('assertion failed: a flat image has one segment');
  // A copy that is no Buffer, whose slices would be views of it.
  const bytes = new Uint8Array(content);
  const base = image.entry;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (address: number): number => Number(view.getBigUint64(address - base, true));
  const pointers = sectionBytes(image, '__rseq_cs_ptr_array') ?? new Uint8Array();
  const table = new DataView(pointers.buffer, pointers.byteOffset, pointers.byteLength);
  const sections = Array.from({ length: pointers.length / 8 }, (_, i) => {
    const descriptor = Number(table.getBigUint64(8 * i, true));
    const start = word(descriptor + DESCRIPTOR.start);
    const end = start + word(descriptor + DESCRIPTOR.length);
    const abort = word(descriptor + DESCRIPTOR.abort);
    return readSection(bytes, base, { descriptor, start, end, abort });
  });
  return { ...settings, image, bytes, sections };
}

function readSection(
  bytes: Uint8Array,
  base: number,
  place: Pick<Section, 'descriptor' | 'start' | 'end' | 'abort'>,
): Section {
  const at = (address: number): Code | undefined => decode(bytes.subarray(address - base), address);
  const code: Code[] = [];
  for (let address = place.start; address < place.end; ) {
    const one = at(address);
    if (one === undefined) throw new Error(`assertion failed: code at ${address.toString(16)}`);
    code.push(one);
    address += one.bytes.length;
  }
  const before = at(place.start - ARM.length);
  const isArm = before !== undefined && ARM.every((byte, i) => before.bytes[i] === byte);
  const around = { next: at(place.end), handler: at(place.abort) };
  return { ...place, code, arm: isArm ? before : undefined, ...around };
}

/** The program of other bytes, with the symbols of the subject. */
export function imageOf({ image }: Subject, bytes: Uint8Array): ProgramImage {
  const changed = parseProgram(image.path, bytes, 'flat').image;
  return { ...changed, symbols: image.symbols, sections: image.sections };
}
