import type { Machine } from '../../machine/machine.ts';
import type { RunOptions } from '../../machine/run.ts';
import type { Explorer, SearchedProgram } from '../search/explorer.ts';
import type { Failure } from '../search/tally.ts';
import { type Culprit, culpritOf } from './culprit.ts';
import { type DecidingPair, decidingPair } from './deciding.ts';
import { type Neighbour, passingNeighbours } from './neighbour.ts';
import type { Play } from './play.ts';
import { type TracedEvent, type TracedStep, traceRun } from './trace.ts';

/** What can be said about a failure. */
export interface Explanation {
  readonly events: readonly TracedEvent[];
  /** What the guest wrote to its standard output and error. */
  readonly output: string;
  /** The nearest schedule that passes. */
  readonly nearest: Neighbour | undefined;
  readonly pair: DecidingPair | undefined;
  readonly culprit: Culprit | undefined;
}

/**
 * Runs a failing schedule again under observation, looks for the nearest ones that pass, and compares.
 * `searched` is what `explorer` explores; `isOver` ends the search for others early.
 */
export function explainFailure(
  machine: Machine,
  searched: SearchedProgram,
  explorer: Explorer,
  failing: Pick<Play, 'made' | 'decisions' | 'passed' | 'missed'> &
    Pick<Failure, 'outcome' | 'isEndless'>,
  isOver: () => boolean,
): Explanation {
  const chunks: Uint8Array[] = [];
  const run = runOptions(searched, explorer.bounds.instructions);
  const events = traceRun(
    machine,
    { ...run, output: (_, bytes) => chunks.push(bytes.slice()) },
    failing.decisions,
    failing.made,
  );
  const neighbours = passingNeighbours(explorer, failing, isOver);
  const pair = neighbours
    .map(({ play, index, moved }) => {
      const passing = traceRun(machine, run, play.decisions, play.made);
      return decidingPair(events, passing, windowOf(failing.made[index], moved));
    })
    .find((each) => each !== undefined);
  const culprit = culpritOf({ failure: failing, events, made: failing.made, neighbours, pair });
  const output = new TextDecoder().decode(Buffer.concat(chunks));
  return { events, output, nearest: neighbours[0], pair, culprit };
}

/** Whether a step lies where the interruption was moved across. */
function windowOf(
  placed: { readonly task: number; readonly retired: number } | undefined,
  moved: Neighbour['moved'],
): (step: TracedStep) => boolean {
  if (placed === undefined || moved === 'dropped') return () => false;
  const [from, to] = [placed.retired, placed.retired + moved].sort((a, b) => a - b);
  return ({ task, retired }) =>
    task === placed.task && retired >= (from ?? 0) && retired < (to ?? 0);
}

function runOptions(
  { program, profile, vcpus, seed }: SearchedProgram,
  maxInstructions: number,
): Omit<RunOptions, 'strategy'> {
  return { program, profile, vcpus, seed, maxInstructions, output: () => {} };
}
