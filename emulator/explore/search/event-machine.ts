import { assert } from '../../../kernel-model/assert.ts';
import type { ChoicePoint } from '../../../kernel-model/sched/decision.ts';
import { taskOf, vcpuOf } from '../../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import { answer } from './continuation.ts';
import type { TraceEvent } from './dependence.ts';
import { EventStep } from './event-step.ts';
import type { Explorer, Position } from './explorer.ts';
import { COMPLETION, type Interruption, type PlacedInterruption } from './interruption.ts';
import type { Move } from './moves.ts';
import type { SharedMemory } from './shared-memory.ts';
import { SpinWatch } from './spin-watch.ts';
import { TASKS_OBJECT } from './syscall-objects.ts';

/** Something that can happen next: a task takes a step, or something is done to it where it is. */
export interface Action {
  readonly task: number;
  readonly kind: 'step' | 'interruption';
  /** Tells it from all others that are possible at the same time. */
  readonly name: string;
}

/** The action that an event came of. */
export function actionNameOf({ task, label }: TraceEvent): string {
  return label.startsWith('!') ? `${task}${label}` : stepName(task);
}

function stepName(task: number): string {
  return `${task}`;
}

/** What came of an action. */
export interface Executed {
  readonly event: TraceEvent;
  /** For each choice that came up, in order, how many answers there were. */
  readonly choices: readonly number[];
  /** Interruptions that it was to the task that ran before. */
  readonly placed: readonly PlacedInterruption[];
  /** The task goes round in a loop from now on. */
  readonly spins: boolean;
}

/** Where an event machine is. Opaque. */
export interface EventPosition {
  readonly position: Position;
  readonly hits: readonly number[];
  readonly spins: ReturnType<SpinWatch['save']>;
}

/**
 * A program at the grain of events. A step of a task goes up to its next use of memory that tasks
 * share, its next system call, or the next instruction of a section it has armed, whatever vCPU it
 * is on: whoever runs there makes room. Sections are not interrupted after a task was interrupted
 * `hitsMax` times inside some: so every task gets on.
 */
export class EventMachine {
  readonly #explorer: Explorer;
  readonly #shared: SharedMemory;
  readonly #hitsMax: number;
  readonly #spins = new SpinWatch();
  #hits: readonly number[] = [];
  #step: EventStep;

  constructor(explorer: Explorer, shared: SharedMemory, hitsMax: number) {
    this.#explorer = explorer;
    this.#shared = shared;
    this.#hitsMax = hitsMax;
    this.#step = new EventStep(explorer, shared);
  }

  /** Starts the program from scratch. */
  start(): void {
    this.#explorer.start();
    this.#hits = [];
    this.#spins.restore([]);
    this.#step = new EventStep(this.#explorer, this.#shared);
  }

  save(): EventPosition {
    return { position: this.#explorer.save(), hits: this.#hits, spins: this.#spins.save() };
  }

  restore({ position, hits, spins }: EventPosition): void {
    this.#explorer.restore(position);
    this.#hits = hits;
    this.#spins.restore(spins);
  }

  /**
   * What can happen, steps first; nothing once the run is over, has come to a deadlock or only
   * spins.
   */
  enabled(): Action[] {
    const { machine, driver } = this.#explorer;
    while (machine.outcome === undefined && this.#runnable().length === 0) {
      machine.step(driver.strategy);
    }
    if (machine.outcome !== undefined) return [];
    const runnable = this.#runnable().filter(({ id }) => !this.#spins.spins(id));
    return [
      ...runnable.map(({ id }): Action => ({ task: id, kind: 'step', name: stepName(id) })),
      ...runnable.flatMap((task) =>
        this.#interruptionsOf(task).map(
          ({ label }): Action => ({
            task: task.id,
            kind: 'interruption',
            name: `${task.id}${label}`,
          }),
        ),
      ),
    ];
  }

  #runnable(): Task[] {
    return this.#explorer.machine.kernel.state.tasks.filter(
      ({ state }) => state.kind === 'ready' || state.kind === 'running',
    );
  }

  /** Runs what is left, if it spins, to the end of its budget: true if the run has no end. */
  finish(): boolean {
    const { machine } = this.#explorer;
    if (machine.outcome !== undefined) return false;
    for (let point = this.#explorer.here(); point !== undefined; point = this.#explorer.here()) {
      this.#explorer.runOn(point);
    }
    return true;
  }

  /** Makes something happen, with these answers to the choices that come up, 0 beyond them. */
  execute({ task, kind, name }: Action, answers: readonly number[]): Executed {
    return kind === 'step'
      ? this.#executeStep(task, answers)
      : this.#executeInterruption(task, name);
  }

  #executeStep(id: number, answers: readonly number[]): Executed {
    const { driver, machine } = this.#explorer;
    const choices: number[] = [];
    driver.chooser = (point: ChoicePoint) => {
      if (point.kind === 'place') return answer(point);
      choices.push(point.candidates.length);
      return answers[choices.length - 1] ?? 0;
    };
    const { vcpu } = taskOf(machine.kernel.state, id);
    const wasInside = this.#step.isInside(id);
    const wasSensitive = this.#step.isSensitive(id);
    const isHandedOver = vcpuOf(machine.kernel.state, vcpu).current !== id;
    if (wasInside && isHandedOver) this.#countHit(id);
    const placed = this.#dispatch(id);
    const { event, changed } = this.#step.run({
      id,
      vcpu,
      wasSensitive,
      isAtomic: this.#isAtomic(id),
    });
    const labelled = { ...event, label: `.${answers.join('.')}` };
    return { ...this.#note(labelled, changed), choices, placed };
  }

  #note(event: TraceEvent, changed: boolean): Pick<Executed, 'event' | 'spins'> {
    const enables = [...event.enables, ...this.#spins.releasedBy(event)];
    const noted = { ...event, enables };
    return {
      event: noted,
      spins: this.#spins.note(noted, this.#step.registersOf(event.task), changed),
    };
  }

  #isAtomic(id: number): boolean {
    return (this.#hits[id] ?? 0) >= this.#hitsMax;
  }

  #countHit(id: number): void {
    const hits = this.#hits.slice();
    hits[id] = (hits[id] ?? 0) + 1;
    this.#hits = hits;
  }

  /** Makes the task the one that runs, in the place of whoever does. */
  #dispatch(id: number): PlacedInterruption[] {
    const explorer = this.#explorer;
    const { state } = explorer.machine.kernel;
    const { vcpu } = taskOf(state, id);
    const { current, queue, needResched } = vcpuOf(state, vcpu);
    const placed: PlacedInterruption[] = [];
    const turn = vcpuOf(state, explorer.turn);
    if (explorer.turn !== vcpu && turn.current !== 0) {
      const interruption = { kind: 'overtake', vcpu, until: COMPLETION } as const;
      placed.push(this.#place(turn.current, interruption));
    }
    explorer.make({ turnTo: vcpu });
    if (current !== id) {
      const isPreemption = current !== 0 && !needResched;
      const interrupted = isPreemption ? current : (queue[0] ?? id);
      if (interrupted !== id) {
        const interruption = { kind: 'preempt', by: id, until: COMPLETION } as const;
        placed.push(this.#place(interrupted, interruption));
      }
      const area = this.#step.areaOf(id);
      // The kernel may extend the time slice of who runs, once.
      for (let tries = 0; tries < 2 && vcpuOf(state, vcpu).current !== id; tries++) {
        explorer.make({ decision: { kind: 'switch', vcpu, task: id } });
      }
      assert(vcpuOf(state, vcpu).current === id, 'the task has the vCPU', id);
      if (this.#step.areaOf(id) !== area) this.#shared.noteAreaChange();
    }
    for (const one of placed) explorer.note(one);
    return placed;
  }

  #place(id: number, interruption: PlacedInterruption['interruption']): PlacedInterruption {
    return this.#explorer.place(this.#step.pointOf(id), interruption);
  }

  /**
   * What can be done to a task that can run, where it is; preemption is the other tasks' business.
   * Who holds the vCPU counts only while a section is armed: elsewhere it must not matter to what
   * is possible.
   */
  #interruptionsOf({ id, state }: Task): { readonly label: string; readonly move: Move }[] {
    if (this.#isAtomic(id)) return [];
    const isArmed = state.kind === 'running' && this.#step.isSensitive(id);
    const kinds: ReadonlySet<string> = isArmed ? WHILE_ARMED : ANYWHERE;
    return this.#explorer
      .movesAt(this.#step.pointOf(id))
      .filter((move) => move.way === undefined && kinds.has(kindOf(move)))
      .map((move) => ({ label: labelOf(move.interruption(COMPLETION)), move }));
  }

  #executeInterruption(id: number, name: string): Executed {
    const explorer = this.#explorer;
    const task = taskOf(explorer.machine.kernel.state, id);
    const found = this.#interruptionsOf(task).find(({ label }) => `${id}${label}` === name);
    assert(found !== undefined, `an interruption of the task: ${name}`);
    const { label, move } = found;
    const interruption = move.interruption(COMPLETION);
    const from = task.vcpu;
    const placed = this.#place(id, interruption);
    explorer.make({ turnTo: from });
    explorer.make(move);
    explorer.note(placed);
    this.#countHit(id);
    const event: TraceEvent = {
      task: id,
      label,
      vcpus: interruption.kind === 'migrate' ? [from, interruption.vcpu] : [from],
      isHandoverSensitive: true,
      isGlobal: interruption.kind === 'signal',
      accesses: [],
      // It takes another task to send one.
      objects: interruption.kind === 'fence' ? [TASKS_OBJECT] : [],
      enables: [],
    };
    return { ...this.#note(event, true), choices: [], placed: [placed] };
  }
}

const ANYWHERE: ReadonlySet<string> = new Set(['migrate', 'signal']);
const WHILE_ARMED: ReadonlySet<string> = new Set([...ANYWHERE, 'spurious', 'fence']);

function kindOf(move: Move): Interruption['kind'] {
  return move.interruption(COMPLETION).kind;
}

function labelOf(interruption: Interruption): string {
  switch (interruption.kind) {
    case 'migrate':
      return `!migrate ${interruption.vcpu}`;
    case 'signal':
      return `!signal ${interruption.signal}`;
    default:
      return `!${interruption.kind}`;
  }
}
