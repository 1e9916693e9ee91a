import type { ProgramImage, Section } from './image.ts';
import { InitialWords } from './initial-words.ts';
import { rseqDescriptorAddresses } from './rseq-sections.ts';

const DESCRIPTOR_BYTES = 32;
const START_IP_OFFSET = 8;
const POST_COMMIT_OFFSET_OFFSET = 16;
const ABORT_IP_OFFSET = 24;
const POINTER_BYTES = 8;
/** A pair of start_ip and exit_ip. */
const EXIT_POINT_BYTES = 2 * POINTER_BYTES;

/** A critical section as a program's tables describe it, for debuggers. */
export interface DescribedSection {
  readonly start: number;
  /** The first address past it. */
  readonly postCommit: number;
  readonly abort: number;
  /** Other ways out, from `__rseq_exit_point_array`. */
  readonly exits: readonly number[];
}

export interface DescribedSections {
  readonly sections: readonly DescribedSection[];
  /** One line for each table that is damaged. */
  readonly warnings: readonly string[];
}

/**
 * What a program of today says of its sections: descriptors from `__rseq_cs_ptr_array` or `__rseq_cs`,
 * further exits from `__rseq_exit_point_array`, as librseq emits them for debuggers (include/rseq/
 * arch/generic/common.h).
 */
export function describedSections(image: ProgramImage): DescribedSections {
  const { addresses, warning } = rseqDescriptorAddresses(image);
  const exitPoints = readExitPoints(image);
  const sections = [...new Set(addresses)].flatMap((address) => {
    const words = new InitialWords(image, { address, size: DESCRIPTOR_BYTES });
    const start = words.pointerAt(address + START_IP_OFFSET);
    const abort = words.pointerAt(address + ABORT_IP_OFFSET);
    if (start === undefined || abort === undefined) return [];
    const postCommit = start + words.wordAt(address + POST_COMMIT_OFFSET_OFFSET);
    const exits = exitPoints.pairs.filter((pair) => pair.start === start).map(({ exit }) => exit);
    return [{ start, postCommit, abort, exits }];
  });
  const warnings = [warning, exitPoints.warning].filter((line) => line !== undefined);
  return { sections, warnings };
}

interface ExitPoints {
  readonly pairs: readonly { readonly start: number; readonly exit: number }[];
  readonly warning?: string;
}

function readExitPoints(image: ProgramImage): ExitPoints {
  const table = image.sections.find(({ name }) => name === '__rseq_exit_point_array');
  if (table === undefined) return { pairs: [] };
  const words = new InitialWords(image, table);
  if (!words.present) return damaged(table, 'it lies outside the program');
  if (table.size % EXIT_POINT_BYTES !== 0) return damaged(table, 'it ends in half a pair');
  const pairs = [];
  for (let at = table.address; at < table.address + table.size; at += EXIT_POINT_BYTES) {
    const start = words.pointerAt(at);
    const exit = words.pointerAt(at + POINTER_BYTES);
    if (start !== undefined && exit !== undefined) pairs.push({ start, exit });
  }
  return { pairs };
}

function damaged({ name }: Section, reason: string): ExitPoints {
  return { pairs: [], warning: `section ${name} is damaged: ${reason}` };
}
