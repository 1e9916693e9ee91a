import { assert } from '../../kernel-model/assert.ts';
import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';
import { taskOf } from '../../kernel-model/sched/run-queue.ts';
import type { Task, TaskId } from '../../kernel-model/task/task.ts';
import type { Machine } from '../machine/machine.ts';
import { flowAt } from './flow.ts';
import type { SteppedTask } from './policy.ts';
import type { SteppingStrategy } from './strategy.ts';

/** A task of a machine that is stepped: what it does are decisions of the machine's schedule. */
export class LiveTask implements SteppedTask {
  readonly #machine: Machine;
  readonly #strategy: SteppingStrategy;
  readonly #id: TaskId;
  /** Instructions retired through this object. */
  retired = 0;

  constructor(machine: Machine, strategy: SteppingStrategy, id: TaskId) {
    this.#machine = machine;
    this.#strategy = strategy;
    this.#id = id;
  }

  /** Whether the task was created; others are there from the start of a debugger's session. */
  get exists(): boolean {
    return this.#id <= this.#machine.kernel.state.tasks.length;
  }

  get hasEnded(): boolean {
    if (this.#machine.outcome !== undefined) return true;
    return this.exists && this.#task.state.kind === 'dead';
  }

  get #task(): Task {
    return taskOf(this.#machine.kernel.state, this.#id);
  }

  get instructionPointer(): number {
    return this.hasEnded ? 0 : this.#machine.slotOf(this.#id).instructionPointer;
  }

  get nextInstruction(): number {
    const ip = this.instructionPointer;
    return flowAt((address, length) => this.code(address, length), ip)?.next ?? ip;
  }

  insideOf(): ArmedRegion | undefined {
    if (this.hasEnded) return undefined;
    const { kernel } = this.#machine;
    const region = kernel.profile.rseq.armedRegion(kernel.rseqContext(this.#task));
    const ip = this.instructionPointer;
    const isInside = region !== undefined && ip >= (region.start ?? 0) && ip < region.end;
    return isInside ? region : undefined;
  }

  code(address: number, lengthBytes: number): Uint8Array | undefined {
    const { kernel } = this.#machine;
    return kernel.memoryOf(kernel.processOf(this.#task)).read(address, lengthBytes);
  }

  retire(): boolean {
    assert(this.exists, 'the task was created');
    let hasRetired = false;
    while (!hasRetired && !this.hasEnded) {
      const before = this.#machine.counts.instructions;
      this.#machine.step(this.#strategy);
      hasRetired = this.#strategy.ranTask && this.#machine.counts.instructions > before;
    }
    if (hasRetired) this.retired++;
    return !this.hasEnded;
  }

  reschedule(): boolean {
    if (this.hasEnded || this.#task.state.kind !== 'running') return false;
    const stoppedAt = this.instructionPointer;
    this.#machine.apply({ kind: 'switch', vcpu: this.#task.vcpu, task: this.#id });
    return this.instructionPointer !== stoppedAt;
  }
}
