import type { ScheduleView, Strategy } from '../../../emulator/machine/strategy.ts';
import type { Vcpu } from '../../../kernel-model/kernel-state.ts';
import type { ChoicePoint, Decision } from '../../../kernel-model/sched/decision.ts';

/** vCPUs take turns of so many instructions. */
const TURN_INSTRUCTIONS = 500;
/** A task that has another waiting behind it goes on for so long; a script ends sooner. */
const PATIENCE_TURNS = 100;

/**
 * A quiet machine: a vCPU changes its task when that blocks or yields, or when it has kept another
 * waiting for long, as a task does that waits in a loop for one on its own vCPU. Nothing moves unasked.
 */
export class PatientStrategy implements Strategy {
  /** Turns of the current task of each vCPU since another waits. */
  readonly #waited: number[] = [];
  #last = 0;

  next({ state }: ScheduleView): Decision {
    const { vcpus } = state;
    for (let i = 1; i <= vcpus.length; i++) {
      const vcpu = vcpus[(this.#last + i) % vcpus.length];
      const decision = vcpu && this.#nextOn(vcpu);
      if (vcpu === undefined || decision === undefined) continue;
      if (decision.kind === 'run') this.#last = vcpu.id;
      return decision;
    }
    throw new Error('some vCPU has work');
  }

  #nextOn(vcpu: Vcpu): Decision | undefined {
    const [first] = vcpu.queue;
    const waited = first === undefined ? 0 : (this.#waited[vcpu.id] ?? 0) + 1;
    const isDue = vcpu.current === 0 || vcpu.needResched || waited > PATIENCE_TURNS;
    if (first !== undefined && isDue) {
      this.#waited[vcpu.id] = 0;
      return { kind: 'switch', vcpu: vcpu.id, task: first };
    }
    if (vcpu.current === 0) return undefined;
    this.#waited[vcpu.id] = waited;
    return { kind: 'run', vcpu: vcpu.id, instructions: TURN_INSTRUCTIONS };
  }

  choose(_: ChoicePoint): number {
    return 0;
  }
}
