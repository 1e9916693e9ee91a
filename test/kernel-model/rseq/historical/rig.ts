import { expect } from 'vitest';
import { PAGE_SIZE } from '../../../../kernel-model/hardware/address.ts';
import { PROFILES, type ProfileName } from '../../../../kernel-model/rseq/registry.ts';
import type { Task } from '../../../../kernel-model/task/task.ts';
import { READ_WRITE, TestMachine } from '../../harness.ts';

export const AREA = READ_WRITE;
export const OTHER_AREA = READ_WRITE + 0x100;
export const DESCRIPTOR = READ_WRITE + 0x200;
export const COUNT = READ_WRITE + 0x300;
/** The section's code; nothing runs, so there need be none, but for the word before the handler. */
export const [BELOW, START, INSIDE, END] = [0x1000, 0x50_0000, 0x50_0010, 0x50_0040];
export const ABORT = READ_WRITE + 0x404;
export const SIGNATURE = 0x5305_3053;
export const FIRST = 1;
/** Flags of descriptors and areas, which are the bits of events as well. */
export const NO_RESTART = { preempt: 1, signal: 2, migrate: 4 } as const;

/** A machine with task 1 registered, about to execute `ip`. */
export class Rig extends TestMachine {
  readonly #number: number;

  constructor(profile: ProfileName, number: number, args: readonly number[]) {
    super({ profile: PROFILES[profile] });
    this.#number = number;
    this.memory.writeU32(ABORT - 4, SIGNATURE);
    if (profile === 'turner-v1') this.call(number, [0, 0, START, END, ABORT]);
    if (profile === 'getcpu-cache') this.memory.writeU64(DESCRIPTOR, BigInt(AREA));
    expect(this.call(number, args)).toBe(0);
  }

  at(ip: number): this {
    this.registers(FIRST).instructionPointer = ip;
    return this;
  }

  get position(): number {
    return this.registers(FIRST).instructionPointer;
  }

  poke(address: number, ...values: readonly (number | bigint)[]): this {
    for (const [i, value] of values.entries()) this.memory.writeU64(address + 8 * i, BigInt(value));
    return this;
  }

  /** Task 1 is taken off its vCPU and comes back, with nobody else in between. */
  reschedule(): this {
    this.kernel.switchTo(0, FIRST);
    return this;
  }

  /** Another thread, registered too, runs in between; task 1 keeps what its registers hold. */
  preempt(...args: readonly number[]): this {
    const rdx = this.registers(FIRST).read('rdx');
    this.call('clone', [0x5_0f00]);
    this.registers(FIRST).write('rdx', rdx);
    const thread = this.state.tasks.length;
    this.kernel.switchTo(0, thread);
    this.call(this.#number, args, thread);
    this.kernel.switchTo(0, FIRST);
    return this;
  }

  /** Task 1 goes on elsewhere. */
  migrate(): this {
    this.kernel.migrate(FIRST, 1);
    this.kernel.switchTo(1, FIRST);
    return this;
  }

  get isKilled(): boolean {
    return this.task(FIRST).state.kind === 'dead';
  }

  /** Nobody may access the page of the areas from now on, or only read it. */
  protect(protection: number): this {
    this.space.protect(READ_WRITE, READ_WRITE + PAGE_SIZE, protection);
    return this;
  }

  /** A child of fork, on its first way to user mode. */
  forkChild(): Task {
    const parent = this.task(FIRST);
    const child = { ...parent, rseq: undefined, rseqEvents: 0, rseqEventCounter: 0 };
    const { rseq } = this.kernel.profile;
    rseq.onClone(parent, child, 0n);
    expect(child.notifyResume).toBe(true);
    rseq.onResume({ ...this.kernel.rseqContext(parent), task: child });
    return child;
  }
}
