import { UserError } from '../errors.ts';
import type { ProgramImage } from '../loader/image.ts';
import { describedSections } from '../loader/rseq-exit-points.ts';
import { KEY_SECTION } from '../loader/rseq-keys.ts';
import { readKeySections } from './key-sections.ts';
import { runUntil, type SteppedTask } from './policy.ts';

/** A section that a debugger can skip, because the program says where it begins and ends. */
export interface SkipSection {
  isEnteredAt(task: SteppedTask): boolean;
  /** Whether the instruction is one of the section, entries included. */
  contains(address: number): boolean;
  /** Where breakpoints go. */
  readonly exits: ReadonlySet<number>;
  /** Of the exits, those after which the section is over: others lead to another attempt. */
  readonly ends: ReadonlySet<number>;
}

/** Every section of a program that can be skipped. */
export interface SkipTable {
  readonly sections: readonly SkipSection[];
  /** What is wrong with the tables, one line each. */
  readonly problems: readonly string[];
}

/**
 * The sections of a program by its key section; without one, by the tables of today's programs, which
 * came of that proposal. There the entry is the instruction before start_ip, which arms.
 * @throws UserError if the program has neither.
 */
export function readSkipTable(image: ProgramImage): SkipTable {
  const keyed = readKeySections(image);
  if (keyed !== undefined) {
    const sections = keyed.sections.map(({ starts, inside, exits }) => ({
      isEnteredAt: (task: SteppedTask) => starts.has(task.instructionPointer),
      contains: (address: number) => inside.has(address),
      exits,
      ends: exits,
    }));
    return { sections, problems: keyed.problems };
  }
  const described = describedSections(image);
  if (described.sections.length === 0) {
    const why = described.warnings.map((line) => `; ${line}`).join('');
    throw new UserError(
      'no-section-table',
      `${image.path} has neither ${KEY_SECTION} nor __rseq_cs to find exits of sections by${why}`,
    );
  }
  const sections = described.sections.map(({ start, postCommit, abort, exits }) => ({
    isEnteredAt: (task: SteppedTask) => task.nextInstruction === start,
    contains: (address: number) => address >= start && address < postCommit,
    exits: new Set([postCommit, abort, ...exits]),
    ends: new Set([postCommit, ...exits]),
  }));
  return { sections, problems: described.warnings };
}

/** The section that the task is about to enter, or is in. */
export function skippedAt(table: SkipTable, task: SteppedTask): SkipSection | undefined {
  const entered = table.sections.find((section) => section.isEnteredAt(task));
  return entered ?? table.sections.find((section) => section.contains(task.instructionPointer));
}

/** Breakpoints go to all exits of a section, and the task runs to one; it may be sent to one at once. */
export function runToExit(task: SteppedTask, { exits }: SkipSection): void {
  if (exits.has(task.instructionPointer)) return;
  runUntil(task, (address) => exits.has(address));
}
