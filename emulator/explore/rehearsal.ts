import type { ChoicePoint, Decision } from '../../kernel-model/sched/decision.ts';
import { taskOf } from '../../kernel-model/sched/run-queue.ts';
import type { TaskId } from '../../kernel-model/task/task.ts';
import type { Machine } from '../machine/machine.ts';
import type { Strategy } from '../machine/strategy.ts';
import type { Overlap } from '../validate/dynamic/ordering/overlaps.ts';
import { RunValidators } from '../validate/dynamic/run-validators.ts';
import type { Finding, FindingPosition } from '../validate/finding.ts';
import type { MadeRun } from './ordered-run.ts';

/** The owner comes to its next section within so many instructions, or not at all. */
const APPROACH_INSTRUCTIONS_MAX = 20_000;
/** So many instructions of a section, or of the intruder up to its store, are gone through one by one. */
const STEPS_MAX = 1000;

/**
 * A run once more, up to the place where an overlap holds its intruder back; then the owner goes on
 * alone into its next section, the intruder makes its store, and the section goes on to its end. What
 * validators find there happens under a schedule that the program has to bear.
 */
export class Rehearsal {
  readonly #machine: Machine;
  readonly #watcher: RunValidators;
  readonly #overlap: Overlap;
  readonly #schedule: HeldSchedule;

  constructor(machine: Machine, made: MadeRun, overlap: Overlap) {
    const { program, profile, vcpus, seed, maxInstructions, decisions } = made;
    this.#machine = machine;
    this.#overlap = overlap;
    this.#watcher = new RunValidators(machine, program.image, profile);
    this.#schedule = new HeldSchedule(decisions, overlap.hold);
    machine.boot({
      ...{ program, profile, vcpus, seed, maxInstructions },
      strategy: this.#schedule,
      output: () => {},
      watcher: this.#watcher,
    });
  }

  /** Goes on by one decision; not undefined once the intruder is held back, or the run is over. */
  step(): unknown {
    return this.#schedule.isPlayed ? 'held back' : this.#machine.step();
  }

  /** The store as a finding, if the section then replaces what it stored; to be asked for once. */
  finish(): Finding | undefined {
    const { owner, intruder, instruction, holdInstruction, position } = this.#overlap;
    if (!this.#schedule.isPlayed) return undefined;
    if (!this.#expose() || !this.#intrude() || !this.#commit()) return undefined;
    const found = this.#watcher.findings.find(
      ({ rule, address }) => rule === 'R28' && address === instruction,
    );
    if (found === undefined) return undefined;
    const hold = this.#watcher.describe(intruder, holdInstruction);
    const message =
      `had task ${intruder} come to ${hold} only after task ${owner} began its next section, which ` +
      `nothing keeps from happening: ${found.message}`;
    return { ...found, task: intruder, position, message };
  }

  /** Lets the owner run until it is in a section and has read what the intruder will change. */
  #expose(): boolean {
    let left = APPROACH_INSTRUCTIONS_MAX;
    for (let steps = 0; left > 0 && steps < STEPS_MAX; steps++) {
      if (this.#isExposed()) return true;
      const isInside = this.#machine.sections.inFlight(this.#overlap.owner) !== undefined;
      const before = this.#machine.instructions;
      if (!this.#run(this.#overlap.owner, isInside ? 1 : left)) return false;
      left -= this.#machine.instructions - before;
    }
    return false;
  }

  #isExposed(): boolean {
    const { owner, address } = this.#overlap;
    const exposed = this.#watcher.state.attempts[owner]?.exposed ?? [];
    return exposed.some((each) => each.address === address);
  }

  /** Lets the intruder make its store, if that leaves the section as it is. */
  #intrude(): boolean {
    const { owner, intruder, instruction } = this.#overlap;
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const intrusions = this.#watcher.state.attempts[owner]?.intrusions ?? [];
      if (intrusions.some((each) => each.instruction === instruction)) return true;
      if (!this.#isExposed() || !this.#run(intruder, 1)) return false;
    }
    return false;
  }

  /** Lets the section come to its end. */
  #commit(): boolean {
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      if (this.#machine.sections.inFlight(this.#overlap.owner) === undefined) return true;
      if (!this.#run(this.#overlap.owner, 1)) return false;
    }
    return false;
  }

  /** Runs a task, which others may have to make room for; whether it could. */
  #run(id: TaskId, limitInstructions: number): boolean {
    const { state } = this.#machine.kernel;
    const task = taskOf(state, id);
    const current = state.vcpus[task.vcpu]?.current ?? 0;
    const { owner, intruder } = this.#overlap;
    if (task.state.kind === 'ready') {
      if (current === owner || current === intruder) return false;
      this.#apply({ kind: 'switch', vcpu: task.vcpu, task: id });
    }
    if (taskOf(this.#machine.kernel.state, id).state.kind !== 'running') return false;
    // The first one by itself: the task may stand at the start of a section.
    if (!this.#apply({ kind: 'run', vcpu: task.vcpu, instructions: 1 })) return false;
    const isDone = limitInstructions === 1 || this.#machine.sections.inFlight(id) !== undefined;
    if (isDone || taskOf(this.#machine.kernel.state, id).state.kind !== 'running') return true;
    const stops = { boundaries: true, instructions: new Set([this.#overlap.section]) };
    return this.#machine.runToStop(task.vcpu, limitInstructions - 1, stops) === undefined;
  }

  #apply(decision: Decision): boolean {
    const { choose } = this.#schedule;
    return this.#machine.step({ next: () => decision, choose }) === undefined;
  }
}

/** Whether a store from outside is among some findings already. */
export function isNamed(findings: readonly Finding[], { instruction }: Overlap): boolean {
  return findings.some(({ rule, address }) => rule === 'R28' && address === instruction);
}

/** What comes of trying each overlap of a run at whose store there is nothing found yet. */
export function rehearse(
  machine: Machine,
  made: MadeRun,
  overlaps: readonly Overlap[],
  known: readonly Finding[],
): readonly Finding[] {
  const found: Finding[] = [];
  for (const overlap of overlaps) {
    if (isNamed([...known, ...found], overlap)) continue;
    const rehearsal = new Rehearsal(machine, made, overlap);
    while (rehearsal.step() === undefined);
    const finding = rehearsal.finish();
    if (finding !== undefined) found.push(finding);
  }
  return found;
}

/** Plays a schedule up to a place in it. */
class HeldSchedule implements Strategy {
  readonly #decisions: readonly Decision[];
  readonly #hold: FindingPosition;
  #position = 0;

  constructor(decisions: readonly Decision[], { decision, instructions }: FindingPosition) {
    this.#decisions = decisions;
    let first = decision;
    // Choices are recorded after the decision in which they come up.
    while (first > 0 && isChoice(decisions[first])) first--;
    this.#hold = { decision: first, instructions: instructions - 1 };
  }

  /** Whether that place has been reached once the decision given last is carried out. */
  get isPlayed(): boolean {
    const { decision, instructions } = this.#hold;
    return this.#position > decision || (this.#position === decision && instructions === 0);
  }

  next(): Decision {
    const decision = this.#decisions[this.#position];
    if (decision === undefined) throw new Error('assertion failed: the schedule has that place');
    const isLast = this.#position++ === this.#hold.decision;
    return decision.kind === 'run' && isLast
      ? { ...decision, instructions: this.#hold.instructions }
      : decision;
  }

  /** As recorded; beyond that the first candidate. */
  readonly choose = (point: ChoicePoint): number => {
    const decision = this.#decisions[this.#position];
    const chosen =
      decision?.kind === 'place' && point.kind === 'place'
        ? point.candidates.indexOf(decision.vcpu)
        : decision?.kind === 'wake' && point.kind === 'wake'
          ? point.candidates.indexOf(decision.task)
          : -1;
    if (chosen < 0) return 0;
    this.#position++;
    return chosen;
  };
}

function isChoice(decision: Decision | undefined): boolean {
  return decision?.kind === 'place' || decision?.kind === 'wake';
}
