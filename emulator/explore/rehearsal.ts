import type { Decision } from '../../kernel-model/sched/decision.ts';
import { taskOf } from '../../kernel-model/sched/run-queue.ts';
import type { TaskId } from '../../kernel-model/task/task.ts';
import type { Machine } from '../machine/machine.ts';
import type { Overlap } from '../validate/dynamic/ordering/overlaps.ts';
import { RunValidators } from '../validate/dynamic/run-validators.ts';
import type { Finding, FindingPosition } from '../validate/finding.ts';
import type { MadeRun } from './ordered-run.ts';
import { HeldStrategy } from './strategies/held.ts';

/** The owner comes to its next section within so many instructions, or not at all. */
const APPROACH_INSTRUCTIONS_MAX = 20_000;
/** Of a section, or of the intruder up to its store, so many instructions are stepped at most. */
const STEPS_MAX = 1000;

/** What is rehearsed beside the run itself. */
interface Rehearsed extends MadeRun {
  readonly overlaps: readonly Overlap[];
  /** Findings of the run: overlaps at a store that is named among them are left out. */
  readonly known: readonly Finding[];
}

/**
 * A run once more, up to each place where an overlap holds its intruder back; there the owner goes on
 * alone into its next section, the intruder makes its store, and the section goes on to its end. What
 * validators find then happens under a schedule that the program has to bear. After that the machine is
 * as it was before, and the run goes on.
 */
export class Rehearsal {
  readonly findings: Finding[] = [];
  readonly #machine: Machine;
  readonly #watcher: RunValidators;
  readonly #schedule: HeldStrategy;
  readonly #known: readonly Finding[];
  /** Still to come, by their places. */
  #overlaps: readonly Overlap[];

  constructor(machine: Machine, { overlaps, known, ...made }: Rehearsed) {
    const { program, profile, vcpus, seed, maxInstructions, decisions } = made;
    this.#machine = machine;
    this.#known = known;
    this.#watcher = new RunValidators(machine, program.image, profile);
    this.#schedule = new HeldStrategy(decisions);
    this.#overlaps = overlaps
      .map((overlap) => ({ ...overlap, hold: runAt(decisions, overlap.hold) }))
      .toSorted(({ hold: a }, { hold: b }) =>
        a.decision === b.decision ? a.instructions - b.instructions : a.decision - b.decision,
      );
    this.#leaveOutNamed();
    machine.boot({
      ...{ program, profile, vcpus, seed, maxInstructions },
      strategy: this.#schedule,
      output: () => {},
      watcher: this.#watcher,
    });
  }

  /** Goes on by one decision, or tries one overlap; not undefined once there is nothing left. */
  step(): unknown {
    const [overlap, ...others] = this.#overlaps;
    if (overlap === undefined) return 'all tried';
    if (!this.#schedule.isHeld) return this.#machine.step();
    const here = this.#machine.snapshot();
    const finding = new Trial(this.#machine, this.#watcher, overlap).run();
    this.#machine.restore(here);
    if (finding !== undefined) this.findings.push(finding);
    this.#overlaps = others;
    this.#leaveOutNamed();
    return undefined;
  }

  #leaveOutNamed(): void {
    const named = [...this.#known, ...this.findings].filter(({ rule }) => rule === 'R28');
    this.#overlaps = this.#overlaps.filter(
      ({ instruction }) => !named.some(({ address }) => address === instruction),
    );
    const hold = this.#overlaps[0]?.hold;
    if (hold !== undefined) this.#schedule.holdBefore(hold);
  }
}

/** The position in terms of the decision that runs the task: choices are recorded after it. */
function runAt(decisions: readonly Decision[], position: FindingPosition): FindingPosition {
  let { decision } = position;
  while (decision > 0 && isChoice(decisions[decision])) decision--;
  return { ...position, decision };
}

function isChoice(decision: Decision | undefined): boolean {
  return decision?.kind === 'place' || decision?.kind === 'wake';
}

/** What comes of one overlap, from where its intruder is held back. */
class Trial {
  readonly #machine: Machine;
  readonly #watcher: RunValidators;
  readonly #overlap: Overlap;

  constructor(machine: Machine, watcher: RunValidators, overlap: Overlap) {
    this.#machine = machine;
    this.#watcher = watcher;
    this.#overlap = overlap;
  }

  /** The store as a finding, if the section then replaces what it stored. */
  run(): Finding | undefined {
    const { owner, intruder, instruction, holdInstruction, position } = this.#overlap;
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
    return this.#machine.step({ next: () => decision, choose: () => 0 }) === undefined;
  }
}
