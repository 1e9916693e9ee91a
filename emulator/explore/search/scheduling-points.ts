import type { Explorer, Point } from './explorer.ts';

/** A point where a scheduler has a choice. */
export interface SchedulingPoint {
  readonly point: Point;
  /**
   * The task before waited, yielded or ended, or its vCPU's turn was over: somebody new is picked
   * anyway.
   */
  readonly isFresh: boolean;
}

/** The next instruction under the continuation policy; `undefined` once the run has ended. */
export function pointHere(explorer: Explorer): SchedulingPoint | undefined {
  const { machine, turn } = explorer;
  const before = machine.decisionCount;
  const point = explorer.here();
  if (point === undefined) return undefined;
  return { point, isFresh: machine.decisionCount !== before || explorer.turn !== turn };
}

/** Goes on from a point: to the next boundary where some may still come, else as far as it goes. */
export function advance(explorer: Explorer, point: Point): void {
  if (explorer.isNear(point)) explorer.approach(point);
  else explorer.runOn(point);
}
