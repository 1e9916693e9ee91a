import type { Explorer, Point } from './explorer.ts';
import { countRun } from './run-end.ts';
import type { TallyCounter } from './tally-counter.ts';
import type { PathStates, Visit } from './visited-states.ts';

/** Who watches a run to its end. */
interface TailObserver {
  /** Told of each boundary before its instruction. */
  readonly onBoundary?: (point: Point) => void;
  /** Told the keys of the states that the run goes through, outside sections. */
  readonly onState: (key: string) => Visit;
  readonly onSpin?: () => void;
  /** Whether to stop before a point's instruction. */
  readonly until?: (point: Point) => boolean;
}

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

/**
 * Follows the continuation policy to the end of the run. A task that comes back to a state of this very run
 * spins: others get its turn; a run that does so once more has no end.
 */
export function runTail(explorer: Explorer, observer: TailObserver): TailEnd {
  const spun = new Set<string>();
  let [isFirst, isEndless] = [true, false];
  /** False to stop, or to look again at whose turn it is. */
  const goesOn = (): boolean | 'turn over' => {
    const key = explorer.key(false);
    const visit = observer.onState(key);
    if (visit === 'new') return true;
    if (visit === 'elsewhere') return false;
    if (spun.has(key)) isEndless = true;
    spun.add(key);
    observer.onSpin?.();
    explorer.driver.endTurn();
    return 'turn over';
  };
  for (;;) {
    const point = explorer.here();
    if (point === undefined) return isEndless ? 'endless' : 'ended';
    if (observer.until?.(point)) return 'stopped';
    if (isEndless) {
      explorer.runOn(point);
      continue;
    }
    if (point.isBoundary) observer.onBoundary?.(point);
    if (point.isBoundary && (isFirst || !explorer.isInside(point))) {
      const next = goesOn();
      if (next === false) return 'merged';
      if (next === 'turn over') continue;
    }
    isFirst = false;
    if (explorer.isNear(point)) explorer.step(point);
    else {
      explorer.runOn(point);
      if (explorer.machine.outcome === undefined && goesOn() === false) return 'merged';
    }
  }
}

/** Follows a schedule whose interruptions are all made, and counts it. */
export function followTail(explorer: Explorer, counter: TallyCounter, path: PathStates): void {
  const end = runTail(explorer, {
    onState: (key) => path.isExplored(key, 0),
    onSpin: () => counter.cut('spin'),
  });
  if (end === 'merged') counter.merged++;
  countRun(explorer, counter, end === 'endless');
}
