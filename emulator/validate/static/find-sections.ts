import { RSEQ_SIGNATURE_BYTES } from '../../../kernel-model/abi/rseq.ts';
import { formatAddress, TASK_SIZE } from '../../../kernel-model/hardware/address.ts';
import type { Section } from '../../loader/image.ts';
import { isExternal, type ObjectImage } from '../../loader/object/object-image.ts';
import type { ObjectMemory } from '../../loader/object/object-memory.ts';
import type { RuleId } from '../rules/registry.ts';
import type { AbiFamily } from '../rules/rule.ts';
import type { CriticalSection } from './critical-section.ts';
import { type DescriptorWords, layoutOf } from './descriptor-layout.ts';
import { SectionCode } from './section-code.ts';

const POINTER_BYTES = 8;
const EXIT_PAIR_BYTES = 16;
const TABLE_NAMES = ['__rseq_cs', '__rseq_table'];
const POINTER_ARRAY = '__rseq_cs_ptr_array';
const EXIT_ARRAY = '__rseq_exit_point_array';
const BY_SHAPE = 'no table';
/** More code than any section has: what is larger is not decoded. */
const CODE_LIMIT_BYTES = 2 ** 20;
const DESCRIPTORS_MAX = 20_000;

/** What is wrong with a table itself, rather than with a section. */
export interface TableProblem {
  readonly rule: RuleId;
  readonly address: number;
  readonly message: string;
}

export interface FoundSections {
  /** By ascending address of their descriptors. */
  readonly sections: readonly CriticalSection[];
  readonly problems: readonly TableProblem[];
  /** What the user should know of what was and was not looked at, one line each. */
  readonly notes: readonly string[];
  /** Whether the file lists exits for debuggers, and descriptors in the pointer array. */
  readonly hasExitArray: boolean;
  readonly hasPointerArray: boolean;
}

interface Finder {
  readonly image: ObjectImage;
  readonly memory: ObjectMemory;
  readonly family: AbiFamily;
  readonly problems: TableProblem[];
  readonly notes: string[];
  /** By address of the descriptor: its table, and where the pointer array has it. */
  readonly found: Map<number, { readonly table: string; readonly listedAt: number[] }>;
}

/**
 * The restartable sections of a file: those that `__rseq_cs_ptr_array` points to, those in `__rseq_cs`
 * or the older `__rseq_table`, and in a file without any of these what looks like a descriptor.
 * @param signature of descriptors that are told by their looks.
 */
export function findSections(
  image: ObjectImage,
  memory: ObjectMemory,
  family: AbiFamily,
  signature: number,
): FoundSections {
  const finder: Finder = { image, memory, family, problems: [], notes: [], found: new Map() };
  const pointers = tablesOf(image, POINTER_ARRAY);
  const tables = TABLE_NAMES.flatMap((name) => tablesOf(image, name));
  for (const array of pointers) followPointers(finder, array);
  for (const table of tables) scanTable(finder, table);
  if (pointers.length + tables.length === 0) findByShape(finder, signature);
  const exits = readExits(finder);
  const sections = [...finder.found]
    .toSorted(([a], [b]) => a - b)
    .slice(0, DESCRIPTORS_MAX)
    .flatMap(([address, origin]) => toSection(finder, address, origin, exits) ?? []);
  return {
    sections,
    problems: finder.problems,
    notes: finder.notes,
    hasExitArray: exits.size > 0,
    hasPointerArray: pointers.length > 0,
  };
}

function tablesOf({ sections }: ObjectImage, wanted: string): Section[] {
  return sections.filter(({ name, size }) => name === wanted && size > 0);
}

function found({ found: all }: Finder, address: number, table: string) {
  const entry = all.get(address) ?? { table, listedAt: [] };
  if (all.size < DESCRIPTORS_MAX) all.set(address, entry);
  return entry;
}

function followPointers(finder: Finder, array: Section): void {
  const { memory, family, problems, notes } = finder;
  const words = wordsOf(finder, array, POINTER_BYTES);
  for (const [at, word] of words) {
    const address = toAddress(word);
    if (word === 0n) continue;
    if (isExternal(address)) {
      notes.push(`${POINTER_ARRAY}: the entry at ${formatAddress(at)} is of another file`);
    } else if (memory.bytesAt(address, layoutOf(family).sizeBytes) === undefined) {
      const message = `${POINTER_ARRAY} lists ${formatAddress(word)}, where the file has no memory`;
      problems.push({ rule: 'R2', address: at, message });
    } else {
      found(finder, address, POINTER_ARRAY).listedAt.push(at);
    }
  }
}

/** The 64-bit words of a table with their addresses; what is wrong with the table is noted. */
function wordsOf(finder: Finder, table: Section, entryBytes: number): [number, bigint][] {
  const { name, address, size } = table;
  const { memory, problems } = finder;
  const report = (message: string) =>
    problems.push({ rule: 'R26', address, message: `section ${name} is damaged: ${message}` });
  const bytes =
    memory.segmentAt(address) && size <= TASK_SIZE ? inMemory(memory, table) : undefined;
  if (bytes === undefined) {
    report('it lies outside the program');
    return [];
  }
  if (size % entryBytes !== 0) report('it ends inside an entry');
  const whole = size - (size % entryBytes);
  const words: [number, bigint][] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < whole; at += POINTER_BYTES) {
    words.push([address + at, view.getBigUint64(at, true)]);
  }
  return words;
}

/** The bytes of a table; none where the file does not hold it, however large it says it is. */
function inMemory(memory: ObjectMemory, { address, size }: Section): Uint8Array | undefined {
  const bytes = memory.codeAt(address, size);
  return bytes.length === size ? bytes : undefined;
}

/** Linkers may pad a table, so it is no array; a descriptor has its code, whatever its alignment. */
function scanTable(finder: Finder, table: Section): void {
  const { memory, family } = finder;
  const { sizeBytes, alignmentBytes } = layoutOf(family);
  if (inMemory(memory, table) === undefined) {
    wordsOf(finder, table, POINTER_BYTES);
    return;
  }
  const end = table.address + table.size - sizeBytes;
  // What the pointer array says of a place comes before what it looks like.
  const listed = [...finder.found.keys()];
  for (let at = Math.ceil(table.address / POINTER_BYTES) * POINTER_BYTES; at <= end; ) {
    const words = layoutOf(family).read(memory, at);
    const known = finder.found.has(at);
    if (!known && listed.some((each) => each > at && each < at + sizeBytes)) {
      at += POINTER_BYTES;
      continue;
    }
    const aligned = at % alignmentBytes === 0 && words !== undefined && !isBlank(words);
    if (known || aligned || (words !== undefined && isPlausible(memory, words))) {
      found(finder, at, table.name);
      at += sizeBytes;
    } else {
      at += POINTER_BYTES;
    }
  }
}

function isBlank({ version, flags, startIp, postCommitOffset, abortIp }: DescriptorWords): boolean {
  return version === 0 && flags === 0 && startIp + postCommitOffset + abortIp === 0n;
}

/** Whether a range of code is followed, elsewhere in code, by a handler. */
function isPlausible(memory: ObjectMemory, words: DescriptorWords): boolean {
  const start = toAddress(words.startIp);
  const abort = toAddress(words.abortIp);
  return (
    words.version === 0 &&
    words.flags === 0 &&
    words.postCommitOffset > 0n &&
    words.postCommitOffset < BigInt(CODE_LIMIT_BYTES) &&
    memory.isExecutable(start) &&
    memory.isExecutable(abort)
  );
}

function findByShape(finder: Finder, signature: number): void {
  const { image, memory, family, notes } = finder;
  const { sizeBytes, signed, read } = layoutOf(family);
  if (!signed) return;
  const data = image.segments.filter(({ executable }) => !executable || image.kind === 'flat');
  for (const { address, bytes } of data) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const first = Math.ceil(address / POINTER_BYTES) * POINTER_BYTES - address;
    for (let at = first; at + sizeBytes <= bytes.length; at += POINTER_BYTES) {
      // Version, flags and the upper halves of the first two words; the rest is seldom looked at.
      if (view.getUint32(at, true) !== 0 || view.getUint32(at + 4, true) !== 0) continue;
      if (view.getUint32(at + 12, true) > 0x7fff || view.getUint32(at + 20, true) !== 0) continue;
      if (view.getUint32(at + 16, true) === 0) continue;
      const words = read(memory, address + at);
      if (words === undefined || !isPlausible(memory, words)) continue;
      const before = memory.u32(toAddress(words.abortIp) - RSEQ_SIGNATURE_BYTES);
      if (before === signature) found(finder, address + at, BY_SHAPE);
    }
  }
  const count = finder.found.size;
  if (count > 0) notes.push(`no __rseq_cs: ${count} found by the looks of their descriptors`);
}

/** The exits that debuggers are told, by start address. */
function readExits(finder: Finder): ReadonlyMap<number, readonly number[]> {
  const exits = new Map<number, number[]>();
  for (const table of tablesOf(finder.image, EXIT_ARRAY)) {
    const words = wordsOf(finder, table, EXIT_PAIR_BYTES);
    for (let i = 0; i + 1 < words.length; i += 2) {
      const start = toAddress(words[i]?.[1] ?? 0n);
      const exit = toAddress(words[i + 1]?.[1] ?? 0n);
      exits.set(start, [...(exits.get(start) ?? []), exit]);
    }
  }
  return exits;
}

function toSection(
  { memory, family, notes }: Finder,
  address: number,
  origin: { readonly table: string; readonly listedAt: readonly number[] },
  exits: ReadonlyMap<number, readonly number[]>,
): CriticalSection | undefined {
  const words = layoutOf(family).read(memory, address);
  if (words === undefined) return undefined;
  const start = toAddress(words.startIp);
  const end = toAddress(words.startIp + words.postCommitOffset);
  const abort = toAddress(words.abortIp);
  if (isExternal(start) || isExternal(abort)) {
    notes.push(`the descriptor at ${formatAddress(address)} is about code of another file`);
    return undefined;
  }
  const code = isCodeRange(memory, start, end) ? new SectionCode(memory, start, end) : undefined;
  const listed = exits.get(start) ?? [];
  return { descriptor: address, ...words, ...origin, exits: listed, start, end, abort, code };
}

function isCodeRange(memory: ObjectMemory, start: number, end: number): boolean {
  const segment = memory.segmentAt(start);
  return (
    segment?.executable === true &&
    end > start &&
    end - start <= CODE_LIMIT_BYTES &&
    end <= segment.address + segment.size
  );
}

/** Not a number for words that are no user addresses: every comparison with it fails. */
function toAddress(word: bigint): number {
  return word < BigInt(TASK_SIZE) ? Number(word) : Number.NaN;
}
