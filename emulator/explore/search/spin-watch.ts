import { areDependent, type TraceEvent } from './dependence.ts';

/** What a task has done since it last changed anything. */
interface Idling {
  /** Its events, and its registers after each. */
  readonly events: readonly TraceEvent[];
  readonly registers: readonly string[];
  /** It has come back to where it was: it only goes round until something that matters to it happens. */
  readonly spins: boolean;
}

const NOTHING: Idling = { events: [], registers: [], spins: false };

/**
 * Finds tasks that wait in a loop: back at registers they had, with nothing changed by them, and nothing
 * done by others that matters to what they did in between. Such a task waits for a write, as one in
 * futex(2) does: it takes no more steps until an event comes that is dependent with its loop.
 */
export class SpinWatch {
  #tasks: readonly (Idling | undefined)[] = [];

  save(): readonly (Idling | undefined)[] {
    return this.#tasks;
  }

  restore(tasks: readonly (Idling | undefined)[]): void {
    this.#tasks = tasks;
  }

  spins(task: number): boolean {
    return this.#tasks[task]?.spins ?? false;
  }

  /** Tasks that spin and for which this event of another one matters. */
  releasedBy(event: TraceEvent): number[] {
    return this.#tasks.flatMap((idling, task) =>
      idling?.spins && task !== event.task && matters(event, idling) ? [task] : [],
    );
  }

  /**
   * A task had an event, with these registers afterwards; `changed`: it may have changed something.
   * Returns true if it spins from now on.
   */
  note(event: TraceEvent, registers: string, changed: boolean): boolean {
    const { task } = event;
    const tasks = this.#tasks.slice();
    tasks.forEach((idling, other) => {
      if (idling !== undefined && other !== task && matters(event, idling))
        tasks[other] = undefined;
    });
    const before = changed ? NOTHING : (tasks[task] ?? NOTHING);
    const spins = before.registers.includes(registers);
    tasks[task] = {
      events: [...before.events, event],
      registers: [...before.registers, registers],
      spins,
    };
    this.#tasks = tasks;
    return spins;
  }
}

function matters(event: TraceEvent, { events }: Idling): boolean {
  return events.some((own) => areDependent(event, own));
}
