import { PAGE_SIZE, TASK_SIZE, TASK_SIZE_WORD } from '../../../kernel-model/hardware/address.ts';
import type { AddressSpace } from '../../../kernel-model/mm/address-space.ts';
import { PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';

/**
 * Memory of the rseq tests, the same in rseq-judge.c: code of nothing but `nop`, then single pages of
 * each kind, and the last page that user memory can have.
 */
export const CODE = 0x5000_0000;
const CODE_PAGES = 4;
export const CODE_END = CODE + CODE_PAGES * PAGE_SIZE;
/** Where the areas and descriptors of most cases are; cannot be executed. */
export const DATA = CODE + CODE_PAGES * PAGE_SIZE;
export const READ_ONLY = DATA + PAGE_SIZE;
export const NO_ACCESS = READ_ONLY + PAGE_SIZE;
export const AFTER_NO_ACCESS = NO_ACCESS + PAGE_SIZE;
export const HOLE = AFTER_NO_ACCESS + PAGE_SIZE;
export const AFTER_HOLE = HOLE + PAGE_SIZE;
const ARENA_END = AFTER_HOLE + PAGE_SIZE;
export const TOP = TASK_SIZE - PAGE_SIZE;
export const TASK_SIZE_END = TASK_SIZE_WORD;

const NOP = 0x90;
const ALL = PROT_READ | PROT_WRITE | PROT_EXEC;
const READ_WRITE = PROT_READ | PROT_WRITE;

const REGIONS: readonly (readonly [start: number, end: number, protection: number])[] = [
  [CODE, CODE_END, ALL],
  [DATA, READ_ONLY, READ_WRITE],
  [READ_ONLY, NO_ACCESS, PROT_READ],
  [NO_ACCESS, AFTER_NO_ACCESS, PROT_NONE],
  [AFTER_NO_ACCESS, HOLE, READ_WRITE],
  [AFTER_HOLE, ARENA_END, READ_WRITE],
  [TOP, TASK_SIZE, ALL],
];

/** Maps the arena into the address space of a model. */
export function mapArena(space: AddressSpace): void {
  for (const [start, end, protection] of REGIONS) {
    space.map({ start, end, protection, shared: false, name: 'arena' });
    if (protection !== ALL) continue;
    for (let page = start; page < end; page += PAGE_SIZE) {
      const offset = space.translate(page, true);
      space.memory.bytes.fill(NOP, offset, offset + PAGE_SIZE);
    }
  }
}

/** What memory holds at an address before a case writes to it, as a 32-bit word. */
export function pristineWord(address: number): number {
  const isCode = (address >= CODE && address < CODE_END) || address >= TOP;
  return isCode ? NOP * 0x0101_0101 : 0;
}
