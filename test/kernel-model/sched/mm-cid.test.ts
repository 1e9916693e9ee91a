import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import { LINUX_6_19 } from '../../../kernel-model/rseq/linux-6.19.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { TestMachine } from '../harness.ts';

const VCPUS = 3;

/** A machine whose first task has made so many threads, none of which has run. */
function machineWith(profile: KernelProfile, threads: number): TestMachine {
  const machine = new TestMachine({ profile, vcpus: VCPUS });
  for (let i = 0; i < threads; i++) machine.call('clone', [0x5_0f00]);
  return machine;
}

function runningCids(machine: TestMachine): number[] {
  return machine.state.vcpus.flatMap(({ current }) =>
    current === 0 ? [] : [machine.task(current).mmCid],
  );
}

/** Puts a task on a vCPU if it can be, in one of the ways that a scheduler has. */
function schedule(machine: TestMachine, task: number, vcpu: number): void {
  const { kind } = machine.task(task).state;
  if (kind === 'dead' || kind === 'blocked') return;
  machine.run(task, vcpu);
}

describe.each([LINUX_6_18, LINUX_6_19])('the ids that $name hands out', (profile) => {
  test('are unique among running threads, and fewer than the vCPUs', () => {
    const step = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.nat(VCPUS - 1), fc.nat(9));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6 }), fc.array(step), (threads, steps) => {
        const machine = machineWith(profile, threads);
        for (const [task, vcpu, ending] of steps) {
          if (task > threads + 1) continue;
          schedule(machine, task, vcpu);
          const cids = runningCids(machine);
          expect(new Set(cids).size).toBe(cids.length);
          for (const cid of cids) expect(cid).toBeLessThan(VCPUS);
          // Now and then one ends, never the first: that many users may go below the vCPUs.
          const mayEnd = ending === 0 && task > 1 && machine.task(task).state.kind === 'running';
          if (mayEnd) machine.syscall(task, 'exit', [0]);
        }
      }),
    );
  });
});

describe('up to 6.18 a thread', () => {
  test('takes the lowest free one whenever it comes back', () => {
    const machine = machineWith(LINUX_6_18, 1);
    machine.run(2, 1);
    expect(machine.task(2).mmCid).toBe(1);
    machine.run(1, 1);
    machine.run(2, 0);
    expect([machine.task(2).mmCid, machine.task(1).mmCid]).toEqual([1, 0]);
    machine.run(1, 2);
    machine.kernel.migrate(1, 1);
    machine.run(2, 0);
    expect(machine.task(2).mmCid).toBe(0);
  });
});

describe('since 6.19', () => {
  test('a thread keeps its own while there are no more threads than vCPUs', () => {
    const machine = machineWith(LINUX_6_19, 2);
    machine.run(2, 1);
    machine.run(3, 2);
    const own = [1, 2, 3].map((id) => machine.task(id).mmCid);
    for (const [task, vcpu] of [
      [3, 0],
      [1, 1],
      [2, 2],
      [1, 0],
      [3, 0],
    ] as const) {
      machine.run(task, vcpu);
      expect([1, 2, 3].map((id) => machine.task(id).mmCid)).toEqual(own);
    }
  });

  test('vCPUs lend theirs when there are more threads', () => {
    const machine = machineWith(LINUX_6_19, 3);
    for (const [task, vcpu] of [
      [2, 1],
      [3, 2],
      [4, 1],
      [2, 2],
    ] as const) {
      machine.run(task, vcpu);
      expect(machine.task(task).mmCid).toBe(vcpu);
    }
  });

  test('threads that were lent the same one do not both keep it when some have ended', () => {
    const machine = machineWith(LINUX_6_19, 3);
    for (const task of [1, 2]) machine.run(task, 0);
    expect([1, 2].map((id) => machine.task(id).mmCid)).toEqual([0, 0]);
    for (const task of [3, 4]) {
      machine.run(task, 2);
      machine.syscall(task, 'exit', [0]);
    }
    machine.run(1, 1);
    machine.run(2, 0);
    expect(new Set(runningCids(machine)).size).toBe(2);
  });
});
