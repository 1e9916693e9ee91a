import { describe, expect, test } from 'vitest';
import { ERRNO } from '../../../kernel-model/abi/errno.ts';
import { FUTEX } from '../../../kernel-model/abi/futex.ts';
import {
  RSEQ_AREA,
  RSEQ_CPU_ID_UNINITIALIZED,
  RSEQ_EVENT_MIGRATE,
  RSEQ_EVENT_PREEMPT,
} from '../../../kernel-model/abi/rseq.ts';
import { READ_WRITE, TestMachine } from '../harness.ts';

const MASK = READ_WRITE;
const AREA = READ_WRITE + 0x100;
const WORD = READ_WRITE + 0x200;

/** Restricts a task to the vCPUs of a mask; task 1 asks. */
function setAffinity(machine: TestMachine, id: number, mask: bigint): number {
  machine.memory.writeU64(MASK, mask);
  return machine.call('sched_setaffinity', [id === 1 ? 0 : machine.task(id).tid, 8, MASK]);
}

function cpuId(machine: TestMachine): number | undefined {
  return machine.memory.readU32(AREA + RSEQ_AREA.cpuId);
}

describe('sched_yield', () => {
  test('goes on when nobody else is ready on this vCPU', () => {
    const machine = new TestMachine();
    machine.startThread(1);
    expect(machine.syscall(1, 'sched_yield')).toEqual({ kind: 'done' });
    expect(machine.result(1)).toBe(0);
    expect(machine.state.vcpus[0]?.needResched).toBe(false);
  });

  test('asks for another task when there is one; it is not switched out by that alone', () => {
    const machine = new TestMachine({ vcpus: 1 });
    machine.call('clone', [0x5_0f00]);
    expect(machine.syscall(1, 'sched_yield')).toEqual({ kind: 'rescheduled' });
    expect(machine.result(1)).toBe(0);
    expect(machine.state.vcpus[0]).toMatchObject({ current: 1, needResched: true });
  });
});

describe('sched_setaffinity', () => {
  test('that still allows the vCPU moves nobody and asks for no choice', () => {
    const machine = new TestMachine({ vcpus: 4 });
    expect(setAffinity(machine, 1, 0b1001n)).toBe(0);
    expect(machine.state.vcpus[0]?.current).toBe(1);
    expect(machine.choices).toEqual([]);
  });

  test('moves the caller at once: it is off its vCPU, queued where it was chosen', () => {
    const machine = new TestMachine({ vcpus: 4, choose: () => 1 });
    machine.call('rseq', [AREA, 32, 0, 1]);
    expect(cpuId(machine)).toBe(0);
    expect(machine.syscall(1, 'sched_setaffinity', [0, 8, writeMask(machine, 0b1100n)])).toEqual({
      kind: 'rescheduled',
    });
    expect(machine.result(1)).toBe(0);
    expect(machine.choices).toEqual([{ kind: 'place', task: 1, candidates: [2, 3] }]);
    expect(machine.state.vcpus[0]?.current).toBe(0);
    expect(machine.state.vcpus[3]?.queue).toEqual([1]);
    expect(cpuId(machine)).toBe(0);
    machine.kernel.switchTo(3, 1);
    expect(cpuId(machine)).toBe(3);
  });

  test('is a preemption and a migration to another running task that it moves', () => {
    const machine = new TestMachine({ vcpus: 3 });
    const other = machine.startThread(1);
    machine.call('rseq', [AREA, 32, 0, 1], other);
    setAffinity(machine, other, 0b100n);
    expect(machine.choices.filter(({ kind }) => kind === 'place')).toHaveLength(1);
    expect(machine.state.vcpus[1]?.current).toBe(0);
    expect(machine.task(other)).toMatchObject({ vcpu: 2, notifyResume: true });
    expect(machine.task(other).rseqEvents).toBe(RSEQ_EVENT_PREEMPT | RSEQ_EVENT_MIGRATE);
  });

  test('moves a ready task between run queues', () => {
    const machine = new TestMachine();
    machine.call('clone', [0x5_0f00]);
    expect(machine.state.vcpus[0]?.queue).toEqual([2]);
    setAffinity(machine, 2, 0b10n);
    expect(machine.state.vcpus.map(({ queue }) => queue)).toEqual([[], [2]]);
  });

  test('moves a blocked task when it wakes', () => {
    const machine = new TestMachine({ vcpus: 3 });
    const other = machine.startThread(1);
    machine.block('futex', [WORD, FUTEX.WAIT, 0], other);
    setAffinity(machine, other, 0b100n);
    expect(machine.task(other).vcpu).toBe(1);
    machine.call('futex', [WORD, FUTEX.WAKE, 1]);
    expect(machine.task(other).vcpu).toBe(2);
    expect(machine.state.vcpus[2]?.queue).toEqual([other]);
  });

  test('knows no thread that has ended', () => {
    const machine = new TestMachine();
    const other = machine.startThread(1);
    machine.syscall(other, 'exit', [0]);
    expect(setAffinity(machine, other, 1n)).toBe(-ERRNO.ESRCH);
  });

  test.each([
    [2, 0b100n],
    [64, 0n],
  ])('with %i vCPUs refuses a mask without any of them', (vcpus, mask) => {
    expect(setAffinity(new TestMachine({ vcpus }), 1, mask)).toBe(-ERRNO.EINVAL);
  });
});

function writeMask(machine: TestMachine, mask: bigint): number {
  machine.memory.writeU64(MASK, mask);
  return MASK;
}

describe('sched_getaffinity', () => {
  test.each([
    [1, 1n],
    [2, 0b11n],
    [64, 2n ** 64n - 1n],
  ])('with %i vCPUs shows those that exist, in 8 bytes', (vcpus, mask) => {
    const machine = new TestMachine({ vcpus });
    if (vcpus > 1) setAffinity(machine, 1, 2n ** 64n - 1n);
    machine.memory.writeU64(MASK + 8, 7n);
    expect(machine.call('sched_getaffinity', [0, 128, MASK])).toBe(8);
    expect(machine.memory.readU64(MASK)).toBe(mask);
    expect(machine.memory.readU64(MASK + 8)).toBe(7n);
  });

  test('shows what another thread was restricted to', () => {
    const machine = new TestMachine();
    const other = machine.startThread(1);
    setAffinity(machine, other, 0b10n);
    machine.call('sched_getaffinity', [machine.task(other).tid, 8, MASK]);
    expect(machine.memory.readU64(MASK)).toBe(0b10n);
  });
});

test('getcpu tells vCPU and node', () => {
  const machine = new TestMachine();
  const other = machine.startThread(1);
  machine.memory.writeU64(MASK, BigInt(RSEQ_CPU_ID_UNINITIALIZED));
  expect(machine.call('getcpu', [MASK, MASK + 4, 0], other)).toBe(0);
  expect(machine.memory.readU32(MASK)).toBe(1);
  expect(machine.memory.readU32(MASK + 4)).toBe(0);
});
