import type { Program } from '../../../emulator/machine/program.ts';
import {
  align,
  assemble,
  bytes,
  join,
  label,
  load,
  mov,
  nop,
  type Part,
  raxToRdi,
  startThread,
  subtract,
  syscall,
  systemCall,
  word,
} from '../../machine/tiny-program.ts';
import { COUNT_X, increment, section, sectionData } from './event-guests.ts';

/**
 * Two tasks count in x, once each; the first one waits for the other, and exits with what is
 * missing.
 */
function counting(first: readonly Part[], second: readonly Part[], data: readonly Part[]): Program {
  return assemble([
    ...startThread('second', 'tid', 'stack'),
    ...first,
    ...join('tid', 'second'),
    load('x'),
    subtract(2),
    raxToRdi,
    mov('rax', 231),
    syscall,
    label('second'),
    ...second,
    ...systemCall(60, 0),
    align(4096),
    label('x'),
    word(0),
    align(64),
    label('tid'),
    word(0),
    align(64),
    word(0),
    label('stack'),
    ...data,
    align(64),
    word(0),
  ]).program;
}

/** incq x */
const INCREMENT_AT_ONCE: readonly Part[] = [mov('rdi', 'x'), bytes(0x48, 0xff, 0x07)];

/** One task counts in a section like this, the other by one instruction. */
function againstOneInstruction(body: Parameters<typeof section>[1]): Program {
  return counting(section('a', body), INCREMENT_AT_ONCE, sectionData('a', body));
}

/** Right on one vCPU. */
export const COUNTED_IN_SECTIONS = againstOneInstruction(COUNT_X);

/** Counts by load and store: one interruption in between loses a count. */
export const COUNTED_UNPROTECTED = counting(increment('x'), increment('x'), []);

/** A guest, and how many interruptions it takes to break it; Infinity for one that is right. */
export interface RatedGuest {
  readonly name: string;
  readonly program: Program;
  readonly interruptions: number;
}

const RIGHT = Number.POSITIVE_INFINITY;

/** Ways to count, right and wrong (exploration.md 3, the synthetic seeds). */
export const RATED_GUESTS: readonly RatedGuest[] = [
  { name: 'sections', program: COUNTED_IN_SECTIONS, interruptions: RIGHT },
  {
    name: 'two tasks, each by one instruction',
    program: counting(INCREMENT_AT_ONCE, INCREMENT_AT_ONCE, []),
    interruptions: RIGHT,
  },
  { name: 'no protection at all', program: COUNTED_UNPROTECTED, interruptions: 1 },
  {
    name: 'an end that comes before the store',
    program: againstOneInstruction({ ...COUNT_X, lengthBytes: COUNT_X.lengthBytes - 10 }),
    interruptions: 1,
  },
  {
    name: 'an end that comes after the store',
    program: againstOneInstruction({ parts: [...increment('x'), nop], lengthBytes: 24 }),
    interruptions: 1,
  },
  {
    name: 'a start that comes after the load',
    program: againstOneInstruction({
      gap: [load('x')],
      parts: increment('x').slice(1),
      lengthBytes: 13,
    }),
    interruptions: 2,
  },
  {
    name: 'a retry that is not armed',
    program: againstOneInstruction({ ...COUNT_X, forgetsArming: true }),
    interruptions: 2,
  },
];
