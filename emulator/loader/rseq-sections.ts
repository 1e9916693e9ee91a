import {
  formatAddress,
  type GuestAddress,
  toGuestAddress,
} from '../../kernel-model/hardware/address.ts';
import { PROT_EXEC } from '../../kernel-model/mm/mapping.ts';
import { initialMemory, type ProgramImage, type Section } from './image.ts';
import { InitialWords } from './initial-words.ts';

/** struct rseq_cs: u32 version, u32 flags, u64 start_ip, u64 post_commit_offset, u64 abort_ip. */
const DESCRIPTOR_BYTES = 32;
const START_IP_OFFSET = 8;
const ABORT_IP_OFFSET = 24;
const POINTER_BYTES = 8;

/** What a program says in its ELF sections about its restartable sections. */
export interface RseqDescriptors {
  /** Of struct rseq_cs in guest memory, in the order of the table; duplicates are kept. */
  readonly addresses: readonly GuestAddress[];
  /** Why `addresses` is empty although there is a table. */
  readonly warning?: string;
}

/**
 * The rseq descriptors of a program: those that `__rseq_cs_ptr_array` points to or, without that
 * array, those found in `__rseq_cs`, as librseq lays them out. Position-independent programs are read as
 * if they had relocated themselves. Damaged tables yield a warning, never an exception.
 */
export function rseqDescriptorAddresses(image: ProgramImage): RseqDescriptors {
  const pointers = image.sections.find(({ name }) => name === '__rseq_cs_ptr_array');
  const table = pointers ?? image.sections.find(({ name }) => name === '__rseq_cs');
  if (table === undefined || table.size === 0) return { addresses: [] };
  const words = new InitialWords(image, table);
  return pointers === undefined ? scan(image, table, words) : follow(image, table, words);
}

function follow(image: ProgramImage, array: Section, words: InitialWords): RseqDescriptors {
  if (!words.present) return damaged(array, 'it lies outside the program');
  if (array.size % POINTER_BYTES !== 0) return damaged(array, 'it ends in half a pointer');
  const addresses: GuestAddress[] = [];
  for (let at = array.address; at < array.address + array.size; at += POINTER_BYTES) {
    const address = words.pointerAt(at);
    if (
      address === undefined ||
      initialMemory(image.segments, address, DESCRIPTOR_BYTES) === undefined
    ) {
      return damaged(array, `the entry at ${formatAddress(at)} points outside the program`);
    }
    addresses.push(address);
  }
  return { addresses };
}

/** Descriptors are aligned to their size; slots of zeros between them are padding. */
function scan(image: ProgramImage, table: Section, words: InitialWords): RseqDescriptors {
  if (!words.present) return damaged(table, 'it lies outside the program');
  const addresses: GuestAddress[] = [];
  const end = table.address + table.size - DESCRIPTOR_BYTES;
  const first = Math.ceil(table.address / DESCRIPTOR_BYTES) * DESCRIPTOR_BYTES;
  for (let at = first; at <= end; at += DESCRIPTOR_BYTES) {
    if (words.areZero(at, DESCRIPTOR_BYTES)) continue;
    const address = toGuestAddress(BigInt(at));
    const start = words.pointerAt(at + START_IP_OFFSET);
    const abort = words.pointerAt(at + ABORT_IP_OFFSET);
    if (address === undefined || !isCode(image, start) || !isCode(image, abort)) {
      return damaged(table, `no descriptor at ${formatAddress(at)}`);
    }
    addresses.push(address);
  }
  return { addresses };
}

function damaged({ name }: Section, reason: string): RseqDescriptors {
  return { addresses: [], warning: `section ${name} is damaged: ${reason}` };
}

function isCode(image: ProgramImage, address: GuestAddress | undefined): boolean {
  return (
    address !== undefined &&
    image.segments.some(
      (segment) =>
        (segment.protection & PROT_EXEC) !== 0 &&
        address >= segment.address &&
        address < segment.address + segment.memorySize,
    )
  );
}
