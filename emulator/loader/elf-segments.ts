import {
  formatAddress,
  guestAddress,
  PAGE_SIZE,
  pageAlign,
  pageStart,
  TASK_SIZE,
} from '../../kernel-model/hardware/address.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../kernel-model/mm/mapping.ts';
import type { ByteReader } from './byte-reader.ts';
import { ET_DYN, PF_R, PF_W, PF_X, PT_LOAD } from './elf-constants.ts';
import type { ElfHeader } from './elf-header.ts';
import type { ProgramHeader } from './elf-program-headers.ts';
import type { Segment } from './image.ts';
import { refuse } from './refuse.ts';

/** Where Linux puts position-independent programs without randomisation, from its first page. */
const PIE_BASE = 0x5555_5555_4000;

/** vm.mmap_min_addr as distributions set it: nothing may be mapped below. */
const MMAP_MIN_ADDRESS = 0x1_0000;

/** Pages are allocated on first touch, so this only keeps absurd headers out. */
const PROGRAM_MEMORY_LIMIT_BYTES = 2 ** 34;

const SEGMENT_NAMES: ReadonlyMap<number, string> = new Map([
  [PROT_READ | PROT_EXEC, 'text'],
  [PROT_READ, 'rodata'],
  [PROT_READ | PROT_WRITE, 'data'],
]);

/**
 * What load_elf_binary() maps for the PT_LOAD headers, by ascending address, all addresses with
 * `loadBias` added.
 * @throws UserError for headers that cannot be mapped, and for W^X.
 */
export function mapSegments(
  path: string,
  reader: ByteReader,
  loads: readonly ProgramHeader[],
  loadBias: number,
): Segment[] {
  for (const load of loads) checkLoad(path, reader, load, loadBias);
  const segments = loads
    .filter((load) => load.memorySize > 0)
    .map((load) => mapSegment(reader, load, loadBias))
    .sort((a, b) => a.address - b.address);
  if (segments.length === 0) refuse('program-malformed', path, 'no loadable segment');
  checkTogether(path, segments);
  return segments;
}

/** The PT_LOAD headers among `headers`. */
export function loadHeaders(headers: readonly ProgramHeader[]): ProgramHeader[] {
  return headers.filter((header) => header.type === PT_LOAD);
}

/**
 * Zero for fixed programs. Position-independent ones get the lowest page of their first segment at
 * PIE_BASE, or below it as far as the largest alignment asks for (load_elf_binary, maximum_alignment).
 */
export function chooseLoadBias(header: ElfHeader, loads: readonly ProgramHeader[]): number {
  const first = loads[0];
  if (header.type !== ET_DYN || first === undefined) return 0;
  const powers = loads.map((load) => load.alignment).filter((a) => a > 0 && isPowerOfTwo(a));
  const alignment = Math.max(PAGE_SIZE, ...powers);
  return PIE_BASE - (PIE_BASE % alignment) - pageStart(first.address);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}

function checkLoad(path: string, reader: ByteReader, load: ProgramHeader, loadBias: number): void {
  const name = `segment ${load.index}`;
  if (load.fileSize > load.memorySize) {
    refuse('program-malformed', path, `${name} is larger in the file than in memory`);
  }
  if (load.fileSize > 0 && !reader.holds(load.offset, load.fileSize)) {
    refuse('program-truncated', path, `truncated: ${name} ends behind the end of the file`);
  }
  const start = load.address + loadBias;
  if (load.address >= TASK_SIZE || start + load.memorySize > TASK_SIZE - PAGE_SIZE) {
    refuse('program-malformed', path, `${name} lies outside user space`);
  }
  if (pageStart(start) < MMAP_MIN_ADDRESS) {
    const limit = formatAddress(MMAP_MIN_ADDRESS);
    refuse('program-malformed', path, `${name} lies below the lowest address, ${limit}`);
  }
  if (load.fileSize > 0 && load.offset % PAGE_SIZE !== load.address % PAGE_SIZE) {
    refuse('program-malformed', path, `${name} is misaligned: file offset and address differ`);
  }
  if ((load.flags & PF_W) !== 0 && (load.flags & PF_X) !== 0) {
    const where = formatAddress(start);
    refuse('program-write-execute', path, `${name} at ${where} is both writable and executable`);
  }
}

function mapSegment(reader: ByteReader, load: ProgramHeader, loadBias: number): Segment {
  const start = load.address + loadBias;
  const address = guestAddress(pageStart(start));
  const protection =
    ((load.flags & PF_R) !== 0 ? PROT_READ : 0) |
    ((load.flags & PF_W) !== 0 ? PROT_WRITE : 0) |
    ((load.flags & PF_X) !== 0 ? PROT_EXEC : 0);
  return {
    address,
    memorySize: pageAlign(start + load.memorySize) - address,
    bytes: fileBytes(reader.bytes, load),
    protection,
    name: SEGMENT_NAMES.get(protection) ?? 'segment',
  };
}

/** See Segment for what lies around the file part. */
function fileBytes(file: Uint8Array, load: ProgramHeader): Uint8Array {
  if (load.fileSize === 0) return file.subarray(0, 0);
  const begin = pageStart(load.offset);
  const end = load.offset + load.fileSize;
  const zeroed = load.memorySize > load.fileSize && (load.flags & PF_W) !== 0;
  return file.subarray(begin, zeroed ? end : Math.min(pageAlign(end), file.length));
}

function checkTogether(path: string, segments: readonly Segment[]): void {
  let end = 0;
  let total = 0;
  for (const segment of segments) {
    if (segment.address < end) {
      const page = formatAddress(segment.address);
      refuse('program-malformed', path, `segments overlap in the page ${page}`);
    }
    end = segment.address + segment.memorySize;
    total += segment.memorySize;
  }
  if (total > PROGRAM_MEMORY_LIMIT_BYTES) {
    const limit = PROGRAM_MEMORY_LIMIT_BYTES / 2 ** 30;
    refuse('program-too-large', path, `asks for more than ${limit} GiB of memory`);
  }
}
