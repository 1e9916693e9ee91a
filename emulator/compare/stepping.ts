import type { ArmedRegion, KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { UserError } from '../errors.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import { flowAt } from '../stepping/flow.ts';
import type { StepPolicy, SteppedTask } from '../stepping/policy.ts';
import { STEP_POLICIES, STEP_POLICY_NAMES, type StepPolicyName } from '../stepping/registry.ts';
import { Stage } from './stage.ts';

/**
 * What else happens at a stop that is a reschedule: nothing (the task is 'pinned'), it comes back on
 * another vCPU, or another task runs an instruction meanwhile.
 */
export type StopPlace = 'pinned' | 'moved' | 'crowded';

/** One operation, stepped under a policy. */
export interface SteppingRow {
  readonly policy: StepPolicyName;
  readonly place: StopPlace;
  readonly isThrough: boolean;
  readonly steps: number;
  readonly restarts: number;
}

/** Restarts after which stepping is called a livelock. */
export const STEPPING_RESTARTS_MAX = 50;
const STEPS_MAX = 20_000;

/** Steps one operation of a program under each policy that it has tables for. */
export function measureStepping(
  machine: Machine,
  profile: KernelProfile,
  image: ProgramImage,
  places: readonly StopPlace[] = ['pinned'],
): readonly SteppingRow[] {
  const cases = STEP_POLICY_NAMES.flatMap((policy) => places.map((place) => ({ policy, place })));
  const moved = { policy: 'native', place: 'moved' } as const;
  return [...cases, moved].flatMap(({ policy, place }) => {
    const stepper = makePolicy(policy, image);
    if (stepper === undefined) return [];
    const stage = Stage.open(machine, profile, image, { workers: 2, vcpus: 2 });
    return stage === undefined ? [] : [{ policy, place, ...stepOperation(stage, stepper, place) }];
  });
}

/** `undefined` where the program has no table that the policy could go by. */
function makePolicy(name: StepPolicyName, image: ProgramImage): StepPolicy | undefined {
  try {
    return STEP_POLICIES[name].make(image);
  } catch (error) {
    if (error instanceof UserError && error.code === 'no-section-table') return undefined;
    throw error;
  }
}

function stepOperation(
  stage: Stage,
  policy: StepPolicy,
  place: StopPlace,
): Pick<SteppingRow, 'isThrough' | 'steps' | 'restarts'> {
  const { sections } = stage.machine;
  const task = new StagedTask(stage, place);
  const before = sections.counts.committed;
  const restarts = (): number => stage.restartsOf(stage.task(ACTOR)) - restartsBefore;
  const restartsBefore = stage.restartsOf(stage.task(ACTOR));
  const isOver = (): boolean =>
    sections.counts.committed > before || restarts() > STEPPING_RESTARTS_MAX;
  let steps = 0;
  for (; steps < STEPS_MAX && !isOver(); steps++) policy.step(task);
  return {
    isThrough: sections.counts.committed > before,
    steps,
    restarts: restarts(),
  };
}

const ACTOR = 0;
const OTHER = 1;

/** A worker of a stage, for a policy to step; nobody else runs but as the place says. */
class StagedTask implements SteppedTask {
  readonly #stage: Stage;
  readonly #place: StopPlace;

  constructor(stage: Stage, place: StopPlace) {
    this.#stage = stage;
    this.#place = place;
  }

  get instructionPointer(): number {
    return this.#stage.contextOf(ACTOR).registers.instructionPointer;
  }

  get nextInstruction(): number {
    const ip = this.instructionPointer;
    return flowAt((address, length) => this.code(address, length), ip)?.next ?? ip;
  }

  insideOf(): ArmedRegion | undefined {
    const { kernel } = this.#stage.machine;
    const region = kernel.profile.rseq.armedRegion(this.#stage.contextOf(ACTOR));
    const ip = this.instructionPointer;
    return region !== undefined && ip >= (region.start ?? 0) && ip < region.end
      ? region
      : undefined;
  }

  code(address: number, lengthBytes: number): Uint8Array | undefined {
    return this.#stage.contextOf(ACTOR).memory.read(address, lengthBytes);
  }

  retire(): boolean {
    this.#stage.advance(this.#stage.task(ACTOR), 1);
    return true;
  }

  reschedule(): boolean {
    const stage = this.#stage;
    const actor = stage.task(ACTOR);
    const stoppedAt = this.instructionPointer;
    switch (this.#place) {
      case 'pinned':
        stage.dispatch(actor);
        break;
      case 'moved':
        stage.moveTo(actor, 1 - stage.vcpuOf(actor));
        break;
      case 'crowded':
        stage.dispatch(stage.task(OTHER));
        stage.advance(stage.task(OTHER), 1);
        stage.dispatch(actor);
        break;
    }
    return this.instructionPointer !== stoppedAt;
  }
}
