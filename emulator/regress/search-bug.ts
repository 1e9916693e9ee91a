import { join } from 'node:path';
import type { Watching } from '../explore/search/explorer.ts';
import { loadProgram } from '../loader/load.ts';
import type { Machine } from '../machine/machine.ts';
import type { Bug } from './bug-index.ts';
import { kernelOf, type RegressRow, shortOutcome } from './row.ts';
import { type SearchAnswer, searchSchedules } from './search.ts';

/** As `fuzz` has them by default. */
const INTERRUPTIONS = 2;
const ENTRIES = 2;
const MAX_INSTRUCTIONS = 1_000_000;

/**
 * Searches both programs of a seeded bug as `fuzz` does by default: the buggy one must fail, with no
 * more interruptions than the index says and as it says, or by a finding of the rule that it names;
 * the fixed one must pass.
 */
export function searchBug(
  machine: Machine,
  watching: Watching,
  folder: string,
  bug: Bug,
  seconds: number,
): readonly [RegressRow, RegressRow] {
  const { id, kernel } = bug;
  const buggy = searchTwin(machine, watching, folder, bug.buggy, bug, seconds);
  const fixed = searchTwin(machine, watching, folder, bug.fixed, bug, seconds);
  return [
    {
      ...{ name: `bugs/${id}`, kernel, seconds: buggy.seconds },
      expected: `fail: ${outcomeText(bug)}, ${bug.interruptions} interrupting`,
      actual: describe(buggy),
      asExpected: isExpectedFailure(bug, buggy),
    },
    {
      ...{ name: `bugs/${id}-fixed`, kernel, seconds: fixed.seconds },
      expected: 'pass',
      actual: describe(fixed),
      asExpected: fixed.verdict === 'pass',
    },
  ];
}

/** Searches one of the two programs as `fuzz` does by default, for so many seconds at most. */
export function searchTwin(
  machine: Machine,
  watching: Watching,
  folder: string,
  { bin }: Bug['buggy'],
  { kernel, vcpus, args, signals }: Bug,
  seconds: number,
): SearchAnswer {
  return searchSchedules(machine, {
    image: loadProgram(join(folder, bin.path)).image,
    profile: kernelOf(kernel),
    ...{ vcpus, args, signals, seconds, watching },
    interruptions: INTERRUPTIONS,
    entries: ENTRIES,
    maxInstructions: MAX_INSTRUCTIONS,
  });
}

function outcomeText({ outcome }: Bug): string {
  switch (outcome.kind) {
    case 'exit':
      return `exit ${outcome.status}`;
    case 'signal':
      return `signal ${outcome.signal}`;
    case 'livelock':
    case 'budget':
      return outcome.kind;
  }
}

function isExpectedFailure(bug: Bug, { verdict, outcome, interruptions }: SearchAnswer): boolean {
  if (verdict !== 'fail' || outcome === undefined) return false;
  if (interruptions.length > bug.interruptions) return false;
  if (outcome.kind === 'finding') return outcome.rule === bug.rule;
  return shortOutcome(outcome) === outcomeText(bug);
}

function describe({ verdict, outcome, interruptions }: SearchAnswer): string {
  if (outcome === undefined) return verdict;
  return `${verdict}: ${shortOutcome(outcome)}, ${interruptions.length} interrupting`;
}
