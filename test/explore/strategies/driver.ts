import { applicationError, decisionToString } from '../../../emulator/machine/decisions.ts';
import type { Strategy } from '../../../emulator/machine/strategy.ts';
import type { Decision } from '../../../kernel-model/sched/decision.ts';
import { TestMachine } from '../../kernel-model/harness.ts';

/** A slice that a task had between two reschedules of its vCPU. */
export interface Slice {
  readonly task: number;
  readonly vcpu: number;
  readonly instructions: number;
}

/** What a strategy did with tasks that never stop. */
export interface Course {
  readonly decisions: readonly Decision[];
  readonly slices: readonly Slice[];
}

/** Tasks that run for ever, each with its affinity; all begin on vCPU 0. */
export function spinningTasks(vcpus: number, affinities: readonly bigint[]): TestMachine {
  const machine = new TestMachine({ vcpus });
  for (let i = 1; i < affinities.length; i++) machine.call('clone', [0x5_0f00]);
  machine.state.tasks.forEach((task, i) => {
    task.affinity = affinities[i] ?? 0n;
  });
  return machine;
}

/** All vCPUs, for so many tasks. */
export function free(vcpus: number, tasks: number): bigint[] {
  return new Array<bigint>(tasks).fill((1n << BigInt(vcpus)) - 1n);
}

/** Carries out so many decisions of a strategy on a kernel alone; throws at one that is not legal. */
export function drive(machine: TestMachine, strategy: Strategy, count: number): Course {
  const { kernel } = machine;
  const decisions: Decision[] = [];
  const slices: Slice[] = [];
  const running = new Map<number, number>();
  const endSlice = (vcpu: number): void => {
    const instructions = running.get(vcpu) ?? 0;
    const task = machine.state.vcpus[vcpu]?.current ?? 0;
    if (instructions > 0) slices.push({ task, vcpu, instructions });
    running.delete(vcpu);
  };
  for (let i = 0; i < count; i++) {
    const decision = strategy.next(kernel);
    const error = applicationError(machine.state, decision);
    if (error !== undefined) throw new Error(`${decisionToString(decision)}: ${error}`);
    decisions.push(decision);
    switch (decision.kind) {
      case 'run':
        running.set(decision.vcpu, (running.get(decision.vcpu) ?? 0) + decision.instructions);
        machine.state.now += decision.instructions;
        break;
      case 'switch':
        endSlice(decision.vcpu);
        kernel.switchTo(decision.vcpu, decision.task);
        break;
      case 'migrate': {
        const task = machine.task(decision.task);
        if (task.state.kind === 'running') endSlice(task.vcpu);
        kernel.migrate(decision.task, decision.vcpu);
        break;
      }
      default:
        throw new Error(`${decisionToString(decision)} from a default strategy`);
    }
  }
  return { decisions, slices };
}

/** The sum of the slices' instructions by what `key` says of them. */
export function sumBy(slices: readonly Slice[], key: (slice: Slice) => number) {
  const sums = new Map<number, number>();
  for (const slice of slices) {
    sums.set(key(slice), (sums.get(key(slice)) ?? 0) + slice.instructions);
  }
  return sums;
}
