import type { Machine } from '../../machine/machine.ts';
import type { RunOptions } from '../../machine/run.ts';
import type { Explorer, SearchedProgram } from '../search/explorer.ts';
import { type Culprit, culpritOf, type PassingRun } from './culprit.ts';
import { type DecidingPair, decidingPair } from './deciding.ts';
import { type Neighbour, passingNeighbours } from './neighbour.ts';
import type { Passed, Play } from './play.ts';
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

/** A schedule that fails, with its interruptions and where they took whom off. */
export type FailingRun = Pick<Play, 'made' | 'turns' | 'decisions' | 'outcome' | 'isEndless'>;

/**
 * Runs a failing schedule again under observation, looks for the nearest ones that pass, and compares.
 * `searched` is what `explorer` explores; `isOver` ends the search for others early.
 */
export function explainFailure(
  machine: Machine,
  searched: SearchedProgram,
  explorer: Explorer,
  failing: FailingRun,
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
  const passing = passingNeighbours(explorer, failing.made, isOver).map((neighbour): PassingRun => {
    const { decisions, made } = neighbour.play;
    return { neighbour, events: traceRun(machine, run, decisions, made) };
  });
  const pair = passing
    .map(({ neighbour: { index, moved }, events: other }) =>
      decidingPair(events, other, windowOf(failing.turns[index], moved)),
    )
    .find((each) => each !== undefined);
  const { made, turns } = failing;
  return {
    events,
    output: new TextDecoder().decode(Buffer.concat(chunks)),
    nearest: passing[0]?.neighbour,
    pair,
    culprit: culpritOf({ failure: failing, events, made, turns, passing, pair }),
  };
}

/** Whether a step lies where the interruption was moved across. */
function windowOf(
  turn: Passed | undefined,
  moved: Neighbour['moved'],
): (step: TracedStep) => boolean {
  if (turn === undefined || moved === 'dropped') return () => false;
  const [from, to] = [turn.retired, turn.retired + moved].sort((a, b) => a - b);
  return ({ task, retired }) => task === turn.task && retired >= (from ?? 0) && retired < (to ?? 0);
}

function runOptions(
  { program, profile, vcpus, seed }: SearchedProgram,
  maxInstructions: number,
): Omit<RunOptions, 'strategy'> {
  return { program, profile, vcpus, seed, maxInstructions, output: () => {} };
}
