import { areDependent, type TraceEvent } from './dependence.ts';

/** Whether the order of two events matters: `areDependent`, but in tests of the tests. */
export type Dependence = (a: TraceEvent, b: TraceEvent) => boolean;

/**
 * A run so far, with which of its events must come before which: happens-before over dependent
 * events.
 */
export class TraceOrder {
  readonly events: TraceEvent[] = [];
  /** By event: the earlier events that happen before it. */
  readonly #before: Set<number>[] = [];
  readonly #levels: number[] = [];
  readonly #dependence: Dependence;

  constructor(dependence: Dependence = areDependent) {
    this.#dependence = dependence;
  }

  get length(): number {
    return this.events.length;
  }

  /**
   * Adds an event. Returns the earlier events that it is in a race with: dependent, of another task,
   * with no third event that must come in between, and not what made it possible; latest first.
   */
  push(event: TraceEvent): number[] {
    const before = new Set<number>();
    const races: number[] = [];
    let level = 0;
    for (let i = this.events.length - 1; i >= 0; i--) {
      const earlier = this.events[i];
      if (earlier === undefined || before.has(i)) continue;
      if (!this.#dependence(earlier, event)) continue;
      before.add(i);
      for (const index of this.#before[i] ?? []) before.add(index);
      level = Math.max(level, (this.#levels[i] ?? 0) + 1);
      const isReversible = earlier.task !== event.task && !earlier.enables.includes(event.task);
      if (isReversible) races.push(i);
    }
    this.events.push(event);
    this.#before.push(before);
    this.#levels.push(level);
    return races;
  }

  pop(): void {
    this.events.pop();
    this.#before.pop();
    this.#levels.pop();
  }

  /**
   * Of the events from `first` to the last one, those that would come first if event `first - 1` and all
   * that must follow it were put off: of the last event and what it needs, the initial ones.
   */
  initialsWithout(putOff: number): number[] {
    const last = this.events.length - 1;
    const kept: number[] = [];
    const initials: number[] = [];
    for (let i = putOff + 1; i <= last; i++) {
      const before = this.#before[i];
      if (before === undefined || (before.has(putOff) && i !== last)) continue;
      if (!kept.some((earlier) => before.has(earlier))) initials.push(i);
      kept.push(i);
    }
    return initials;
  }

  /**
   * Equal for runs that differ only in the order of events that are not dependent (Foata's normal
   * form).
   */
  get canonical(): string {
    const levels: string[][] = [];
    this.events.forEach(({ task, label }, index) => {
      const level = this.#levels[index] ?? 0;
      levels[level] ??= [];
      levels[level].push(`${task}${label}`);
    });
    return levels.map((labels) => labels.sort().join(' ')).join(' | ');
  }
}
