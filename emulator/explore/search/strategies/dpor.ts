import { areDependent, type TraceEvent } from '../dependence.ts';
import { type Action, actionNameOf, EventMachine, type EventPosition } from '../event-machine.ts';
import type { Explorer } from '../explorer.ts';
import { countRun } from '../run-end.ts';
import type { Search, SearchStrategy } from '../search-strategy.ts';
import { SharedMemory } from '../shared-memory.ts';
import type { TallyCounter } from '../tally-counter.ts';
import { TraceOrder } from '../trace-order.ts';
import type { SearchPlan, WorkUnit } from '../unit.ts';

/** A run of so many events is cut. */
const EVENTS_MAX = 4000;

type Walk = Generator<void, void>;

/**
 * All orders of events that matter, each once: dynamic partial-order reduction with source sets and
 * sleep sets (Abdulla, Aronis, Jonsson and Sagonas, POPL 2014, algorithm 1; exploration.md 2.4) over the
 * events of EventMachine. There is no bound on preemptions; the bound on interruptions is one for
 * each task inside its sections. Races with something that only some orders make possible, an
 * interruption where a task is, are reversed at the place itself. One unit: what has to be explored
 * is known only on the way.
 */
export const DPOR: SearchStrategy = {
  title: 'every order of shared accesses that makes a difference, once (source sets, sleep sets)',
  isComplete: true,
  grain: 'event',
  describeBound: ({ preemptions }) => {
    const number = preemptions === 1 ? '1 interruption' : `${preemptions} interruptions`;
    return (
      'every order of shared accesses that matters, with up to ' +
      `${number} of each task inside sections`
    );
  },
  open: (explorer) => new DporSearch(explorer),
};

/** A state on the path, and what is to be done there. */
interface Frame {
  readonly position: EventPosition;
  readonly enabled: readonly Action[];
  readonly toExplore: Set<string>;
  /** Actions whose continuations were explored elsewhere, with what would come of them. */
  readonly asleep: Map<string, readonly TraceEvent[]>;
}

type Sleep = Frame['asleep'];

/** The search by partial-order reduction; its own counts are those of the last pass. */
export class DporSearch implements Search {
  readonly #explorer: Explorer;
  /** Runs to an end that were not like any other, by their canonical forms. */
  readonly classes: string[] = [];
  /** Runs cut because all that could follow was explored elsewhere. */
  blocked = 0;

  readonly goesOn: boolean;

  /** `goesOn`: even after a failure, to count everything. */
  constructor(explorer: Explorer, goesOn = false) {
    this.#explorer = explorer;
    this.goesOn = goesOn;
  }

  plan(): SearchPlan {
    const { boundaries } = this.#explorer.lesson.map;
    return { units: [{ stage: 0, from: 0, to: 0 }], boundaries, leftOut: [] };
  }

  *explore(_unit: WorkUnit, counter: TallyCounter): Walk {
    const shared = new SharedMemory();
    do {
      this.classes.length = 0;
      this.blocked = 0;
      yield* new Pass(this, this.#explorer, shared, counter).run();
    } while ((this.goesOn || counter.failure === undefined) && shared.learn());
  }
}

/** One exploration with what is known of shared memory so far. */
class Pass {
  readonly #search: DporSearch;
  readonly #explorer: Explorer;
  readonly #machine: EventMachine;
  readonly #counter: TallyCounter;
  readonly #order = new TraceOrder();
  /** By depth: the state before each event of the path. */
  readonly #frames: Frame[] = [];

  constructor(search: DporSearch, explorer: Explorer, shared: SharedMemory, counter: TallyCounter) {
    this.#search = search;
    this.#explorer = explorer;
    this.#counter = counter;
    this.#machine = new EventMachine(explorer, shared, explorer.bounds.preemptions);
  }

  *run(): Walk {
    this.#machine.start();
    yield* this.#explore(new Map(), undefined);
  }

  get #isOver(): boolean {
    return !this.#search.goesOn && this.#counter.failure !== undefined;
  }

  *#explore(asleep: Sleep, last: Action | undefined): Walk {
    const enabled = this.#machine.enabled();
    if (!enabled.some(({ kind }) => kind === 'step') || this.#order.length >= EVENTS_MAX) {
      this.#endRun();
      yield;
      return;
    }
    const first = chooseFirst(enabled, asleep, last);
    if (first === undefined) {
      this.#search.blocked++;
      this.#counter.schedules++;
      this.#counter.merged++;
      yield;
      return;
    }
    const frame: Frame = {
      position: this.#machine.save(),
      enabled,
      toExplore: new Set([first.name]),
      asleep,
    };
    this.#frames.push(frame);
    for (;;) {
      const action = enabled.find((one) => frame.toExplore.has(one.name) && !asleep.has(one.name));
      if (action === undefined) break;
      const events: TraceEvent[] = [];
      yield* this.#act(frame, action, events);
      if (this.#isOver) break;
      asleep.set(action.name, events);
    }
    this.#frames.pop();
  }

  /** Makes something happen, with each answer to the choices that come up, and explores what follows. */
  *#act(frame: Frame, action: Action, events: TraceEvent[]): Walk {
    for (let answers: readonly number[] | undefined = []; answers !== undefined; ) {
      this.#machine.restore(frame.position);
      const { event, choices, placed, spins } = this.#machine.execute(action, answers);
      const { made } = this.#explorer;
      placed.forEach((one, index) => {
        this.#counter.cover(one, made.length - placed.length + index);
      });
      if (spins) this.#counter.cut('spin');
      events.push(event);
      for (const race of this.#order.push(event)) this.#reverse(race);
      this.#addConflicts(frame, action);
      yield* this.#explore(stillAsleep(frame.asleep, event), action);
      this.#order.pop();
      if (this.#isOver) return;
      answers = nextAnswers(answers, choices);
    }
  }

  #endRun(): void {
    const { machine } = this.#explorer;
    if (this.#order.length >= EVENTS_MAX) {
      this.#counter.schedules++;
      this.#counter.cut('events');
      return;
    }
    const isEndless = this.#machine.finish();
    if (isEndless || machine.outcome?.kind !== 'budget')
      this.#search.classes.push(this.#order.canonical);
    countRun(this.#explorer, this.#counter, isEndless);
  }

  /** Sees to it that the last event is also explored before the one that it is in a race with. */
  #reverse(race: number): void {
    const frame = this.#frames[race];
    if (frame === undefined) return;
    const initials = this.#order
      .initialsWithout(race)
      .map((index) => this.#nameAt(index))
      .filter((name) => frame.enabled.some((action) => action.name === name));
    if (initials.some((name) => frame.toExplore.has(name))) return;
    const last = this.#nameAt(this.#order.length - 1);
    const chosen = initials.includes(last) ? last : initials[0];
    if (chosen !== undefined) frame.toExplore.add(chosen);
    else for (const action of frame.enabled) frame.toExplore.add(action.name);
  }

  #nameAt(index: number): string {
    const event = this.#order.events[index];
    return event === undefined ? '' : actionNameOf(event);
  }

  /**
   * What an event made impossible for now is to be explored before it: an interruption of a task
   * where it was, and all that others would have done if it ended the run.
   */
  #addConflicts(frame: Frame, action: Action): void {
    const enabledAfter = new Set(this.#machine.enabled().map(({ name }) => name));
    for (const other of frame.enabled) {
      const isSameTask = other.task === action.task;
      if (isSameTask || !enabledAfter.has(other.name)) frame.toExplore.add(other.name);
    }
  }
}

/** The task that ran last goes on if it can; an interruption only where nothing else is left to try. */
function chooseFirst(
  enabled: readonly Action[],
  asleep: Sleep,
  last: Action | undefined,
): Action | undefined {
  const awake = enabled.filter(({ name }) => !asleep.has(name));
  const same = awake.find(({ task, kind }) => kind === 'step' && task === last?.task);
  return same ?? awake[0];
}

/** Who need not be tried after an event either: those whose next events do not depend on it. */
function stillAsleep(asleep: Sleep, event: TraceEvent): Sleep {
  const still: Sleep = new Map();
  for (const [name, events] of asleep) {
    if (!events.some((other) => areDependent(other, event))) still.set(name, events);
  }
  return still;
}

/** The next combination of answers to choices of so many each; `undefined` after the last one. */
export function nextAnswers(
  answers: readonly number[],
  choices: readonly number[],
): readonly number[] | undefined {
  for (let i = choices.length - 1; i >= 0; i--) {
    const next = (answers[i] ?? 0) + 1;
    if (next >= (choices[i] ?? 0)) continue;
    const kept = Array.from({ length: i }, (_, index) => answers[index] ?? 0);
    return [...kept, next];
  }
  return undefined;
}
