import type { Culprit } from '../explore/failure/culprit.ts';
import type { DecidingPair } from '../explore/failure/deciding.ts';
import type { Passed } from '../explore/failure/play.ts';
import type { TracedEvent, TracedStep } from '../explore/failure/trace.ts';

/** Instructions shown before and after what matters. */
const CONTEXT_STEPS = 3;
/** Sections longer than this are not shown whole. */
const SECTION_STEPS_MAX = 24;
/** Of a run with more aborts none is shown for its own sake. */
const ABORTS_MAX = 8;

/** What of a run matters besides its interruptions. */
export interface Highlights {
  readonly pair: DecidingPair | undefined;
  /** The step to look at first. */
  readonly suspect: TracedStep | undefined;
}

/** The task of an event. */
export function taskOf(event: TracedEvent): number {
  return event.kind === 'interrupted' ? event.placed.task : event.task;
}

/** Whether a step is the last one of whoever ran instead, before it was stopped. */
export function isBeforeStop(event: TracedEvent, stops: readonly Passed[]): boolean {
  if (event.kind !== 'step') return false;
  return stops.some(({ task, retired }) => task === event.task && retired === event.retired + 1);
}

/**
 * The execution of the culprit's instruction that matters most: the first by an interrupted task after
 * that, else the first of all. Of one that may not be interrupted before it, the interruption itself
 * shows where.
 */
export function suspectOf(
  events: readonly TracedEvent[],
  culprit: Culprit | undefined,
): TracedStep | undefined {
  if (culprit?.why === 'interrupted here') return undefined;
  const interrupted = new Set<number>();
  let first: TracedStep | undefined;
  for (const event of events) {
    if (event.kind === 'interrupted') interrupted.add(event.placed.task);
    if (event.kind !== 'step' || event.address !== culprit?.address) continue;
    if (interrupted.has(event.task)) return event;
    first ??= event;
  }
  return first;
}

/**
 * Indices of the events around interruptions, stops, aborts and highlights; those at the run's end where
 * there is nothing of that.
 */
export function eventsToShow(
  events: readonly TracedEvent[],
  { pair, suspect }: Highlights,
  stops: readonly Passed[],
): ReadonlySet<number> {
  const shown = new ShownEvents(events);
  const aborts = events.filter((event) => event.kind === 'section end' && event.end === 'aborted');
  const showsAborts = aborts.length <= ABORTS_MAX;
  events.forEach((event, index) => {
    if (event.kind === 'interrupted') {
      shown.addAround(index, CONTEXT_STEPS, CONTEXT_STEPS);
      const next = events.findIndex((later, i) => i > index && later.kind === 'step');
      if (next >= 0) shown.addAround(next, 0, 1);
    } else if (isBeforeStop(event, stops)) {
      shown.addAround(index, CONTEXT_STEPS, 0);
    } else if (event === pair?.first || event === pair?.second) {
      shown.addAround(index, 1, 1);
    } else if (event.kind === 'section end' && event.end === 'aborted' && showsAborts) {
      shown.addAround(index, 0, 1);
    }
    if (event === suspect) shown.addAround(index, 1, 1);
  });
  if (shown.indices.size === 0) {
    const last = events.findLastIndex((event) => event.kind === 'step');
    if (last >= 0) shown.addAround(last, 3 * CONTEXT_STEPS, 1);
  }
  shown.completeSections();
  return shown.indices;
}

class ShownEvents {
  readonly indices = new Set<number>();
  readonly #events: readonly TracedEvent[];

  constructor(events: readonly TracedEvent[]) {
    this.#events = events;
  }

  /** An event, with so many of its task before and after it, up to its next interruption. */
  addAround(index: number, before: number, after: number): void {
    const events = this.#events;
    const center = events[index];
    if (center === undefined) return;
    const task = taskOf(center);
    this.indices.add(index);
    for (const [direction, most] of [[-1, before] as const, [1, after] as const]) {
      let left = most;
      for (let i = index + direction; left > 0 && i >= 0 && i < events.length; i += direction) {
        const event = events[i];
        if (event === undefined || taskOf(event) !== task) continue;
        if (event.kind === 'interrupted' || event.kind === 'untraced') break;
        this.indices.add(i);
        left--;
      }
    }
  }

  /** The whole of each short section of which a part is shown, with its end. */
  completeSections(): void {
    const current = new Map<number, number[]>();
    this.#events.forEach((event, index) => {
      const task = taskOf(event);
      const own = current.get(task) ?? [];
      if (event.kind === 'step' && event.inside !== undefined) {
        current.set(task, [...own, index]);
        return;
      }
      if (event.kind === 'interrupted') return;
      const isShown = own.some((each) => this.indices.has(each));
      if (isShown && own.length <= SECTION_STEPS_MAX) {
        for (const each of own) this.indices.add(each);
      }
      if (isShown && event.kind === 'section end') this.indices.add(index);
      if (event.kind !== 'section end') current.delete(task);
    });
  }
}
