import { describe, expect, test } from 'vitest';
import { isAnythingRunnable } from '../../../kernel-model/sched/idle.ts';
import { TestMachine } from '../harness.ts';
import { expectConsistent } from './invariants.ts';

const TIMESPEC = 0x1000_0100;
const MASK = 0x1000_0200;
const FUTEX = 0x1000_0000;

/** Task 1 running on vCPU 0, and so many ready tasks queued there. */
function makeQueue(count: number, vcpus = 2): TestMachine {
  const machine = new TestMachine({ vcpus });
  for (let i = 0; i < count; i++) machine.call('clone', [0x5_0f00]);
  return machine;
}

function sleep(machine: TestMachine, id: number, nanoseconds: number): void {
  machine.memory.writeU64(TIMESPEC, BigInt(Math.floor(nanoseconds / 1e9)));
  machine.memory.writeU64(TIMESPEC + 8, BigInt(nanoseconds % 1e9));
  machine.block('nanosleep', [TIMESPEC, 0], id);
}

function queueOf({ state }: TestMachine, vcpu = 0): readonly number[] {
  return state.vcpus[vcpu]?.queue ?? [];
}

describe('a run queue', () => {
  test('keeps its tasks in the order in which they came', () => {
    const machine = makeQueue(3);
    expect(queueOf(machine)).toEqual([2, 3, 4]);
    machine.kernel.switchTo(0, 2);
    expect(queueOf(machine)).toEqual([3, 4, 1]);
    machine.kernel.switchTo(0, 4);
    expect(queueOf(machine)).toEqual([3, 1, 2]);
    expectConsistent(machine.state);
  });

  test('is the same after a switch to the task that runs', () => {
    const machine = makeQueue(2);
    machine.kernel.switchTo(0, 1);
    expect(queueOf(machine)).toEqual([2, 3]);
    expect(machine.state.vcpus[0]?.current).toBe(1);
  });

  test('loses a task that moves, which is last in the queue it comes to', () => {
    const machine = makeQueue(3);
    machine.kernel.migrate(3, 1);
    machine.kernel.migrate(1, 1);
    expect([queueOf(machine), queueOf(machine, 1)]).toEqual([
      [2, 4],
      [3, 1],
    ]);
    expect(machine.state.vcpus[0]?.current).toBe(0);
    expectConsistent(machine.state);
  });

  test('is not what a switch may take from another vCPU', () => {
    const machine = makeQueue(1);
    expect(() => machine.kernel.switchTo(1, 2)).toThrow(/the task is on the vCPU/);
  });

  test('takes no task whose affinity forbids that', () => {
    const machine = makeQueue(1);
    machine.memory.writeU64(MASK, 0b01n);
    machine.call('sched_setaffinity', [0, 8, MASK]);
    expect(() => machine.kernel.migrate(1, 1)).toThrow(/affinity allows the vCPU/);
  });
});

describe('a task', () => {
  test('that is woken goes back to its vCPU', () => {
    const machine = makeQueue(0);
    sleep(machine, 1, 10);
    machine.passTime();
    expect(queueOf(machine)).toEqual([1]);
  });

  test('whose vCPU was taken away while it slept is placed elsewhere when it wakes', () => {
    const machine = makeQueue(1, 3);
    machine.run(2, 1);
    const { tid } = machine.task(1);
    sleep(machine, 1, 10);
    machine.memory.writeU64(MASK, 0b110n);
    expect(machine.call('sched_setaffinity', [tid, 8, MASK], 2)).toBe(0);
    expect(machine.task(1).vcpu).toBe(0);
    machine.passTime();
    const place = { kind: 'place', task: 1, candidates: [1, 2] };
    expect(machine.choices.at(-1)).toEqual(place);
    expect(queueOf(machine, 1)).toEqual([1]);
    expectConsistent(machine.state);
  });

  test('that runs where it no longer may leaves its vCPU at once', () => {
    const machine = makeQueue(1);
    machine.memory.writeU64(MASK, 0b10n);
    machine.call('sched_setaffinity', [0, 8, MASK]);
    expect(machine.state.vcpus[0]?.current).toBe(0);
    expect(queueOf(machine, 1)).toEqual([1]);
  });

  test('may run on all of 64 vCPUs', () => {
    const machine = makeQueue(0, 64);
    machine.kernel.migrate(1, 63);
    machine.kernel.switchTo(63, 1);
    expect(machine.task(1)).toMatchObject({ vcpu: 63, affinity: 2n ** 64n - 1n });
  });
});

test('sched_yield asks for another task only where one waits', () => {
  const machine = makeQueue(1);
  machine.syscall(1, 'sched_yield');
  expect(machine.state.vcpus[0]?.needResched).toBe(true);
  machine.kernel.switchTo(0, 2);
  expect(machine.state.vcpus[0]?.needResched).toBe(false);
  machine.kernel.migrate(1, 1);
  machine.syscall(2, 'sched_yield');
  expect(machine.state.vcpus[0]?.needResched).toBe(false);
});

describe('timers', () => {
  test('expire in the order of their deadlines, and of ids where these are equal', () => {
    const machine = makeQueue(4);
    const order = [3, 1, 5, 2, 4];
    const lengths = new Map([
      [1, 70],
      [2, 50],
      [3, 60],
      [4, 50],
      [5, 40],
    ]);
    for (const id of order) {
      if (machine.task(id).state.kind !== 'running') machine.kernel.switchTo(0, id);
      sleep(machine, id, lengths.get(id) ?? 0);
    }
    expect(isAnythingRunnable(machine.state)).toBe(false);
    expect(machine.kernel.nextTimer()).toBe(40);
    machine.state.now = 1000;
    machine.kernel.expireTimers();
    expect(queueOf(machine)).toEqual([5, 2, 4, 3, 1]);
    expect(machine.kernel.nextTimer()).toBe(Number.POSITIVE_INFINITY);
  });

  test('do not expire before their time', () => {
    const machine = makeQueue(0);
    sleep(machine, 1, 1000);
    machine.state.now = 999;
    machine.kernel.expireTimers();
    expect(machine.task(1).state.kind).toBe('blocked');
    machine.state.now = 1000;
    machine.kernel.expireTimers();
    expect(machine.task(1).state.kind).toBe('ready');
    expect(machine.result(1)).toBe(0);
  });

  test('are none for a task that waits for ever', () => {
    const machine = makeQueue(0);
    machine.block('futex', [FUTEX, 0, 0, 0]);
    expect(machine.kernel.nextTimer()).toBe(Number.POSITIVE_INFINITY);
    expect(isAnythingRunnable(machine.state)).toBe(false);
  });

  test('end a wait with ETIMEDOUT', () => {
    const machine = makeQueue(0);
    machine.memory.writeU64(TIMESPEC, 0n);
    machine.memory.writeU64(TIMESPEC + 8, 500n);
    machine.block('futex', [FUTEX, 0, 0, TIMESPEC]);
    machine.passTime();
    expect(machine.state.now).toBe(500);
    expect(machine.result(1)).toBe(-110);
  });
});

describe('concurrency ids', () => {
  test('are the lowest that no running task of the process has', () => {
    const machine = makeQueue(3, 4);
    for (const id of [2, 3, 4]) machine.run(id, id - 1);
    expect(machine.state.tasks.map(({ mmCid }) => mmCid)).toEqual([0, 1, 2, 3]);
    sleep(machine, 2, 10);
    machine.kernel.switchTo(3, 4);
    expect(machine.task(4).mmCid).toBe(1);
    machine.passTime();
    machine.kernel.switchTo(1, 2);
    expect(machine.task(2).mmCid).toBe(3);
    expectConsistent(machine.state);
  });

  test('of one vCPU are all 0', () => {
    const machine = makeQueue(3, 1);
    for (const id of [2, 3, 4, 1]) {
      machine.kernel.switchTo(0, id);
      expect(machine.task(id).mmCid).toBe(0);
    }
  });
});

describe('a fence', () => {
  test('reaches the running task of its vCPU only, and none on an idle one', () => {
    const machine = makeQueue(1);
    machine.kernel.fence(0);
    machine.kernel.fence(1);
    expect(machine.state.tasks.map(({ rseqEvents }) => rseqEvents !== 0)).toEqual([true, false]);
    expectConsistent(machine.state);
  });
});

test('a task that ends leaves queue and vCPU, and the last one its process', () => {
  const machine = makeQueue(2);
  machine.run(2, 1);
  machine.syscall(1, 'exit', [3]);
  expectConsistent(machine.state);
  machine.syscall(2, 'exit_group', [5]);
  expectConsistent(machine.state);
  expect(machine.state.tasks.map(({ state }) => state.kind)).toEqual(['dead', 'dead', 'dead']);
  expect(machine.state.processes[0]?.ending).toEqual({ kind: 'exit', status: 5 });
  expect(machine.destroyed.toSorted()).toEqual([1, 2, 3]);
});
