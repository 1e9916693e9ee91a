import { extendKey } from '../../machine/state-keys.ts';
import type { Explorer, Point } from './explorer.ts';
import { countRun } from './run-end.ts';
import type { TallyCounter } from './tally-counter.ts';
import type { PathStates, Visit } from './visited-states.ts';

/** How a run without further interruptions came out. */
export type TailEnd =
  /** It is over: the machine has an outcome. */
  | 'ended'
  /** It came to a state of another path. */
  | 'merged'
  /** It went in a circle, and was then run to the end of its budget. */
  | 'endless'
  /** The observer stopped it. */
  | 'stopped';

/** Who watches a run to its end. */
export interface TailObserver {
  /** Told where the run is, at each boundary at least. */
  readonly onPoint?: (point: Point) => void;
  /** Told the keys of states at starts and ends of sections, then of those where tasks take turns. */
  readonly onState: (key: number) => Visit;
  readonly onSpin?: () => void;
  /** Whether to stop before a point's instruction. */
  readonly until?: (point: Point) => boolean;
  /** Instructions of the point's task after which to ask that again at the latest. */
  readonly untilWithin?: (point: Point) => number;
}

/**
 * Code without a boundary for so long may be a loop that spins: its states are told too, now and
 * then.
 */
const INSTRUCTIONS_PER_STATE = 4096;
/**
 * How often the run is then told to come back to that instruction: a loop that spins is back at
 * once.
 */
const RETURNS_TOLD = 64;

/**
 * Follows the continuation policy to the end of the run; `denseStates`: how many states are told at
 * starts and ends of sections. A task that comes back to a state of this very run spins: others get
 * its turn. A run that does so once more, or with as much of its turn left as then, has no end.
 */
export function runTail(
  explorer: Explorer,
  { onPoint, onState, onSpin, until, untilWithin }: TailObserver,
  denseStates: number,
): TailEnd {
  const spun = new Set<number>();
  const turns = new Set<number>();
  const returns = new Returns();
  let [states, steps] = [0, 0];
  for (let isTold = true; ; ) {
    const point = explorer.here();
    if (point === undefined) return 'ended';
    if (until?.(point)) return 'stopped';
    onPoint?.(point);
    if (isTold || returns.isOne(point)) {
      states++;
      if (steps > 0) returns.expect(point);
      const key = explorer.key();
      const visit = onState(key);
      if (visit === 'elsewhere') return 'merged';
      if (visit === 'on this path') {
        if (spun.has(key) || turns.has(extendKey(key, explorer.driver.patience))) {
          return runInCircle(explorer);
        }
        spun.add(key);
        onSpin?.();
        explorer.driver.endTurn();
        continue;
      }
      turns.add(extendKey(key, explorer.driver.patience));
    }
    if (onPoint !== undefined && explorer.isNear(point)) {
      const limitInstructions = Math.min(
        INSTRUCTIONS_PER_STATE - (steps % INSTRUCTIONS_PER_STATE),
        untilWithin?.(point) ?? INSTRUCTIONS_PER_STATE,
      );
      steps += explorer.approach(point, { limitInstructions, alsoAt: returns.address });
      isTold = steps % INSTRUCTIONS_PER_STATE === 0;
      continue;
    }
    [steps, isTold] = [0, true];
    if (states < denseStates) explorer.runToSection(point);
    else explorer.runOn(point);
  }
}

/** Where a run that meets no boundary is expected back if it goes in a circle. */
class Returns {
  #task = 0;
  #address = 0;
  #left = 0;

  /** Where the run may be back; `undefined` if it is not expected anywhere. */
  get address(): number | undefined {
    return this.#left > 0 ? this.#address : undefined;
  }

  /** The run is told about at an instruction that it may come back to. */
  expect({ task: { id }, address }: Point): void {
    if (this.#left > 0 && id === this.#task && address === this.#address) return;
    this.#task = id;
    this.#address = address;
    this.#left = RETURNS_TOLD;
  }

  /** Whether the run has come back to the instruction. */
  isOne({ task: { id }, address }: Point): boolean {
    if (this.#left === 0 || address !== this.#address || id !== this.#task) return false;
    this.#left--;
    return true;
  }
}

function runInCircle(explorer: Explorer): TailEnd {
  for (let point = explorer.here(); point !== undefined; point = explorer.here()) {
    explorer.runOn(point);
  }
  return 'endless';
}

/** A path that has not met another by so many sections will only do so where its tasks wait or end. */
export const DENSE_STATES = 4;

/**
 * Follows a schedule whose interruptions are all made, and counts it. One in which validators found
 * something new is followed to its end, so that it can be replayed.
 */
export function followTail(explorer: Explorer, counter: TallyCounter, path: PathStates): void {
  const end = runTail(
    explorer,
    {
      onState: (key) => path.isExplored(key, 0),
      onSpin: () => counter.cut('spin'),
    },
    DENSE_STATES,
  );
  if (end === 'merged' && hasNews(explorer, counter)) {
    followAlone(explorer, counter);
    return;
  }
  if (end === 'merged') counter.merged++;
  countRun(explorer, counter, end === 'endless');
}

/** Whether validators found something on this path, or suspect it, that its unit does not know yet. */
export function hasNews({ findings, suspicions }: Explorer, counter: TallyCounter): boolean {
  return (
    !counter.hasSuspicions(suspicions) || findings.some((finding) => !counter.hasFinding(finding))
  );
}

/** Follows a schedule to its end whatever states it comes to, and counts it. */
export function followAlone(explorer: Explorer, counter: TallyCounter): void {
  const end = runTail(explorer, { onState: visitsOnce() }, DENSE_STATES);
  countRun(explorer, counter, end === 'endless');
}

/** Knows the states of one run. */
export function visitsOnce(): (key: number) => Visit {
  const seen = new Set<number>();
  return (key) => {
    if (seen.has(key)) return 'on this path';
    seen.add(key);
    return 'new';
  };
}
