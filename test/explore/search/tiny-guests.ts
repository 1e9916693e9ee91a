import type { Program } from '../../../emulator/machine/program.ts';
import {
  align,
  assemble,
  join,
  label,
  load,
  mov,
  type Part,
  raxToRdi,
  startThread,
  subtract,
  syscall,
  systemCall,
  word,
} from '../../machine/tiny-program.ts';
import { COUNT_X, increment, section, sectionData } from './event-guests.ts';

/** Two tasks count in x, once each; the first one waits for the other, and exits with what is missing. */
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

/** Counts in sections: right on one vCPU. */
export const COUNTED_IN_SECTIONS = counting(section('a', COUNT_X), section('b', COUNT_X), [
  ...sectionData('a', COUNT_X),
  ...sectionData('b', COUNT_X),
]);

/** Counts by load and store: one interruption in between loses a count. */
export const COUNTED_UNPROTECTED = counting(increment('x'), increment('x'), []);
