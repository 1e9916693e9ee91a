import type { TraceEvent } from '../../../emulator/explore/search/dependence.ts';
import { type Action, EventMachine } from '../../../emulator/explore/search/event-machine.ts';
import { SharedMemory } from '../../../emulator/explore/search/shared-memory.ts';
import type { Dependence } from '../../../emulator/explore/search/trace-order.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { type EventGuest, explorerOf } from './event-guests.ts';

/** What swapping neighbours showed. */
export interface Commuting {
  /** Pairs that a dependence calls independent, and how often swapping them made a difference. */
  independent: number;
  readonly violations: string[];
  /** Pairs that it calls dependent, and how often swapping them made a difference. */
  dependent: number;
  different: number;
}

/** What two actions one after the other came to; `undefined` if the second is not possible. */
interface Pair {
  readonly events: readonly [TraceEvent, TraceEvent];
  readonly state: string;
}

/** Walks all over a guest's states, and swaps whatever two actions of different tasks are possible. */
export class Commuter {
  readonly #machine: Machine;
  readonly #guest: EventGuest;
  readonly #dependence: Dependence;
  readonly #shared = new SharedMemory();
  #events: EventMachine;

  constructor(machine: Machine, guest: EventGuest, dependence: Dependence) {
    this.#machine = machine;
    this.#guest = guest;
    this.#dependence = dependence;
    this.#events = this.#open();
  }

  #open(): EventMachine {
    return new EventMachine(explorerOf(this.#machine, this.#guest), this.#shared, this.#guest.hits);
  }

  /** Swaps at the states of so many runs that `choose` picks the actions of. */
  run(runs: number, choose: (below: number) => number): Commuting {
    this.#learn(runs, choose);
    const found: Commuting = { independent: 0, violations: [], dependent: 0, different: 0 };
    for (let i = 0; i < runs; i++) {
      this.#walk(choose, (actions) => this.#swapAll(actions, found));
    }
    return found;
  }

  #learn(runs: number, choose: (below: number) => number): void {
    do {
      this.#events = this.#open();
      for (let i = 0; i < runs; i++) this.#walk(choose, () => {});
    } while (this.#shared.learn());
  }

  #walk(choose: (below: number) => number, at: (actions: readonly Action[]) => void): void {
    this.#events.start();
    for (;;) {
      const actions = this.#events.enabled();
      const chosen = actions[choose(actions.length)];
      if (chosen === undefined) return;
      at(actions);
      this.#events.execute(chosen, []);
    }
  }

  #swapAll(actions: readonly Action[], found: Commuting): void {
    const here = this.#events.save();
    actions.forEach((a, index) => {
      for (const b of actions.slice(index + 1)) {
        if (a.task === b.task) continue;
        this.#swap(a, b, found, () => this.#events.restore(here));
      }
    });
    this.#events.restore(here);
  }

  #swap(a: Action, b: Action, found: Commuting, back: () => void): void {
    back();
    const first = this.#both(a, b);
    back();
    const second = this.#both(b, a);
    const isSame =
      first !== undefined &&
      second !== undefined &&
      first.state === second.state &&
      isSameEvent(first.events[0], second.events[1]) &&
      isSameEvent(first.events[1], second.events[0]);
    const events = first?.events ?? second?.events;
    if (events === undefined || this.#dependence(events[0], events[1])) {
      found.dependent++;
      if (!isSame) found.different++;
      return;
    }
    found.independent++;
    if (!isSame) found.violations.push(`${a.name} and ${b.name}`);
  }

  #both(a: Action, b: Action): Pair | undefined {
    const one = this.#events.execute(a, []).event;
    const then = this.#events.enabled().find(({ name }) => name === b.name);
    if (then === undefined) return undefined;
    const other = this.#events.execute(then, []).event;
    this.#events.enabled();
    settle(this.#machine);
    return { events: [one, other], state: this.#machine.stateHash() };
  }
}

/** What an event did, but for whose vCPU it was before. */
function isSameEvent(a: TraceEvent, b: TraceEvent): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Makes states alike that differ only in who holds a vCPU without a section armed, in how far the
 * queues of different futexes are counted, in concurrency ids, and in how tasks came to their vCPU
 * that are dead by now: each task gets its vCPU, and loses it to the next.
 */
function settle(machine: Machine): void {
  const { kernel } = machine;
  const { tasks, vcpus } = kernel.state;
  for (let round = 0; round < 2 && machine.outcome === undefined; round++) {
    for (const { id, state, vcpu } of tasks) {
      if (state.kind !== 'ready' && state.kind !== 'running') continue;
      machine.apply({ kind: 'switch', vcpu, task: id });
    }
  }
  for (const vcpu of vcpus) vcpu.needResched = false;
  const waiting = tasks.flatMap((task) =>
    task.state.kind === 'blocked' && task.state.wait.kind === 'futex'
      ? [{ task, blocked: task.state, wait: task.state.wait }]
      : [],
  );
  for (const { task, blocked, wait } of waiting) {
    const order = waiting.filter(
      (other) => other.wait.address === wait.address && other.wait.order <= wait.order,
    ).length;
    task.state = { ...blocked, wait: { ...wait, order } };
  }
  for (const task of tasks) {
    task.mmCid = 0;
    if (task.state.kind === 'dead') Object.assign(task, { rseqEvents: 0, notifyResume: false });
    if (task.state.kind === 'dead' || task.rseq === undefined) continue;
    kernel.rseqContext(task).memory.writeU32(task.rseq.address + RSEQ_AREA.mmCid, 0);
  }
}
