import { SHF_EXECINSTR } from '../../loader/elf-constants.ts';
import type { ObjectImage } from '../../loader/object/object-image.ts';
import type { ObjectMemory } from '../../loader/object/object-memory.ts';
import type { CriticalSection } from './critical-section.ts';
import { runUpTo } from './run-up.ts';

/** A direct branch, jump or call into a section from outside of it. */
export interface IncomingBranch {
  /** Of the branching instruction. */
  readonly address: number;
  readonly target: number;
}

/** Ranges are looked up by blocks of so many bytes. */
const BLOCK_BYTES = 64;

interface CodeRange {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** A place that reads like a branch to a section: to be looked at in step with the code around it. */
interface Candidate {
  /** The address behind it. */
  readonly next: number;
  readonly target: number;
}

/**
 * The direct branches of a whole file that lead into its sections, start included, from outside of the
 * section that they lead to. Bytes that look like one are found first, which is fast in large files;
 * then the code around them is decoded.
 */
export function incomingBranches(
  image: ObjectImage,
  memory: ObjectMemory,
  sections: readonly CriticalSection[],
): readonly IncomingBranch[] {
  const marked = sections.filter(({ code }) => code !== undefined);
  if (marked.length === 0) return [];
  const blocks = blocksOf(marked);
  const branches = new Map<number, IncomingBranch>();
  for (const range of codeRanges(image)) {
    for (const { next, target } of candidates(range, blocks)) {
      const into = marked.filter(({ start, end }) => target >= start && target < end);
      // Of its own section a branch is no entry; `next` may be its end.
      if (into.every(({ start, end }) => next > start && next <= end)) continue;
      const last = runUpTo(image, memory, next).instructions.at(-1);
      if (last?.target !== target || last.next !== next) continue;
      branches.set(last.address, { address: last.address, target });
    }
  }
  return [...branches.values()].toSorted((a, b) => a.address - b.address);
}

function blocksOf(sections: readonly CriticalSection[]): ReadonlySet<number> {
  const blocks = new Set<number>();
  for (const { start, end } of sections) {
    for (let at = blockOf(start); at <= blockOf(end - 1); at++) blocks.add(at);
  }
  return blocks;
}

function blockOf(address: number): number {
  return Math.floor(address / BLOCK_BYTES);
}

/** The sections with code or, in a file without any, the segments. */
function codeRanges({ segments, sections, kind }: ObjectImage): readonly CodeRange[] {
  const executable = segments.filter((each) => each.executable);
  const code = sections.filter(({ flags, size }) => (flags & SHF_EXECINSTR) !== 0 && size > 0);
  if (code.length === 0 || kind === 'relocatable') return executable;
  return code.flatMap(({ address, size }) => {
    const segment = executable.find(
      (each) => address >= each.address && address < each.address + each.size,
    );
    if (segment === undefined) return [];
    const start = address - segment.address;
    return [{ address, bytes: segment.bytes.subarray(start, start + size) }];
  });
}

const JMP_SHORT = 0xeb;
const JMP_NEAR = 0xe9;
const CALL_NEAR = 0xe8;
const TWO_BYTE = 0x0f;

/** Direct branches by their opcodes: of one byte, with 8 or 32 bits of distance, and 0f 80 to 0f 8f. */
function* candidates(
  { address, bytes }: CodeRange,
  blocks: ReadonlySet<number>,
): Iterable<Candidate> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = [...blocks];
  const low = Math.min(...numbers) * BLOCK_BYTES;
  const high = (Math.max(...numbers) + 1) * BLOCK_BYTES;
  for (let at = 0; at + 2 <= bytes.length; at++) {
    const opcode = bytes[at] ?? 0;
    let next = at;
    let distance = 0;
    if (opcode === JMP_NEAR || opcode === CALL_NEAR || isNearCondition(bytes, at)) {
      const field = opcode === TWO_BYTE ? at + 2 : at + 1;
      if (field + 4 > bytes.length) continue;
      next = field + 4;
      distance = view.getInt32(field, true);
    } else if (opcode === JMP_SHORT || (opcode & 0xf0) === 0x70 || (opcode & 0xfc) === 0xe0) {
      next = at + 2;
      distance = view.getInt8(at + 1);
    } else {
      continue;
    }
    const target = address + next + distance;
    // Most targets are elsewhere, and this is asked for every byte.
    if (target < low || target >= high) continue;
    if (blocks.has(blockOf(target))) yield { next: address + next, target };
  }
}

function isNearCondition(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === TWO_BYTE && ((bytes[at + 1] ?? 0) & 0xf0) === 0x80;
}
