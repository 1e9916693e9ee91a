import { describe, expect, test } from 'vitest';
import { ERRNO } from '../../../kernel-model/abi/errno.ts';
import {
  FUTEX,
  FUTEX_CLOCK_REALTIME,
  FUTEX_PRIVATE_FLAG,
} from '../../../kernel-model/abi/futex.ts';
import { REALTIME_EPOCH_SECONDS } from '../../../kernel-model/abi/time.ts';
import { HOLE, READ_WRITE, TestMachine, type TestMachineOptions } from '../harness.ts';

const WORD = READ_WRITE;
const OTHER_WORD = READ_WRITE + 64;
const TIMEOUT = READ_WRITE + 128;
const ALL = 0x7fff_ffff;
const { WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET } = FUTEX;

/** A machine whose tasks 2 and up wait for a futex, in this order, while task 1 runs. */
function machineWithWaiters(
  waits: readonly { operation: number; word?: number; bitset?: number }[],
  options: TestMachineOptions = {},
): TestMachine {
  const machine = new TestMachine(options);
  for (const { operation, word = WORD, bitset = 0 } of waits) {
    const id = machine.startThread(1);
    machine.block('futex', [word, operation, 0, 0, 0, bitset], id);
  }
  machine.choices.length = 0;
  return machine;
}

function waiting(machine: TestMachine): number[] {
  return machine.state.tasks.filter(({ state }) => state.kind === 'blocked').map(({ id }) => id);
}

function setTimeout(machine: TestMachine, seconds: bigint, nanoseconds: bigint): void {
  machine.memory.writeU64(TIMEOUT, seconds);
  machine.memory.writeU64(TIMEOUT + 8, nanoseconds);
}

const plain = { operation: WAIT };

describe('a wait', () => {
  test('leaves the vCPU and is data: key, bitset, place in the queue, deadline', () => {
    const machine = new TestMachine();
    machine.block('futex', [WORD, WAIT | FUTEX_PRIVATE_FLAG, 0, 0]);
    expect(machine.state.vcpus[0]?.current).toBe(0);
    expect(machine.task(1).state).toEqual({
      kind: 'blocked',
      wait: {
        kind: 'futex',
        key: { space: 0, object: 0, address: WORD, shared: false },
        bitset: 0xffff_ffff,
        address: WORD,
        isPrivate: true,
        value: 0,
        order: 1,
      },
      deadline: Number.POSITIVE_INFINITY,
      timeoutResult: BigInt(-ERRNO.ETIMEDOUT),
    });
  });

  test('does not happen when the word has another value', () => {
    const machine = new TestMachine();
    machine.memory.writeU32(WORD, 5);
    expect(machine.call('futex', [WORD, WAIT, 4])).toBe(-ERRNO.EAGAIN);
    machine.block('futex', [WORD, WAIT, 5]);
  });

  test.each([
    ['relative', WAIT, 0n, 1500],
    ['absolute', WAIT_BITSET, 0n, 500],
    ['absolute by the wall clock', WAIT_BITSET | FUTEX_CLOCK_REALTIME, REALTIME_EPOCH_SECONDS, 500],
  ])('with a timeout, %s, ends in time', (_, operation, seconds, deadline) => {
    const machine = new TestMachine();
    machine.state.now = operation === WAIT ? 1000 : 100;
    setTimeout(machine, seconds, 500n);
    machine.block('futex', [WORD, operation, 0, TIMEOUT, 0, 1]);
    expect(machine.kernel.nextTimer()).toBe(deadline);
    machine.state.now = deadline - 1;
    machine.kernel.expireTimers();
    expect(waiting(machine)).toEqual([1]);
    machine.state.now = deadline;
    machine.kernel.expireTimers();
    expect(machine.task(1).state.kind).toBe('ready');
    expect(machine.result(1)).toBe(-ERRNO.ETIMEDOUT);
  });

  test('whose time has passed returns at once, but not before it looked at the word', () => {
    const machine = new TestMachine();
    machine.state.now = 1000;
    setTimeout(machine, 0n, 1000n);
    const args = [WORD, WAIT_BITSET, 0, TIMEOUT, 0, 1];
    expect(machine.call('futex', args)).toBe(-ERRNO.ETIMEDOUT);
    machine.memory.writeU32(WORD, 1);
    expect(machine.call('futex', args)).toBe(-ERRNO.EAGAIN);
  });

  test('for longer than virtual time lasts has no deadline', () => {
    const machine = new TestMachine();
    setTimeout(machine, 2n ** 62n, 0n);
    machine.block('futex', [WORD, WAIT, 0, TIMEOUT]);
    expect(machine.kernel.nextTimer()).toBe(Number.POSITIVE_INFINITY);
  });

  test('that was woken keeps its result when its deadline comes', () => {
    const machine = new TestMachine();
    setTimeout(machine, 0n, 500n);
    const id = machine.startThread(1);
    machine.block('futex', [WORD, WAIT, 0, TIMEOUT], id);
    expect(machine.call('futex', [WORD, WAKE, 1])).toBe(1);
    machine.state.now = 500;
    machine.kernel.expireTimers();
    expect(machine.result(id)).toBe(0);
  });
});

describe('a wake', () => {
  test.each([3, 4, ALL])('of all wakes in order of arrival, without a choice (%i)', (count) => {
    const machine = machineWithWaiters([plain, plain, plain]);
    expect(machine.call('futex', [WORD, WAKE, count])).toBe(3);
    expect(machine.choices).toEqual([]);
    expect(machine.state.vcpus[1]?.queue).toEqual([2, 3, 4]);
    expect([2, 3, 4].map((id) => machine.result(id))).toEqual([0, 0, 0]);
  });

  test('of fewer than wait is a choice, as long as some are left over', () => {
    const machine = machineWithWaiters([plain, plain, plain], {
      choose: (point) => (point.kind === 'wake' ? 1 : 0),
    });
    expect(machine.call('futex', [WORD, WAKE, 2])).toBe(2);
    expect(machine.choices).toEqual([
      { kind: 'wake', candidates: [2, 3, 4] },
      { kind: 'wake', candidates: [2, 4] },
    ]);
    expect(waiting(machine)).toEqual([2]);
    machine.choices.length = 0;
    expect(machine.call('futex', [WORD, WAKE, 1])).toBe(1);
    expect(machine.choices).toEqual([]);
  });

  test('offers waiters by arrival, not by number', () => {
    const machine = machineWithWaiters([plain, plain]);
    machine.call('futex', [WORD, WAKE, 1]);
    machine.run(2, 1);
    machine.block('futex', [WORD, WAIT, 0], 2);
    machine.choices.length = 0;
    machine.call('futex', [WORD, WAKE, 1]);
    expect(machine.choices).toEqual([{ kind: 'wake', candidates: [3, 2] }]);
  });

  test.each([0, -1])('of %i wakes one, as Linux does', (count) => {
    const machine = machineWithWaiters([plain, plain]);
    expect(machine.call('futex', [WORD, WAKE, count])).toBe(1);
  });

  test('passes over other words, and over private waiters if it is not private itself', () => {
    const secret = { operation: WAIT | FUTEX_PRIVATE_FLAG };
    const machine = machineWithWaiters([secret, { ...plain, word: OTHER_WORD }, plain]);
    expect(machine.call('futex', [WORD, WAKE, ALL])).toBe(1);
    expect(waiting(machine)).toEqual([2, 3]);
    expect(machine.call('futex', [WORD, WAKE | FUTEX_PRIVATE_FLAG, ALL])).toBe(1);
    expect(waiting(machine)).toEqual([3]);
  });

  test('by bitset wakes those that share a bit', () => {
    const machine = machineWithWaiters([
      { operation: WAIT_BITSET, bitset: 0x1 },
      { operation: WAIT_BITSET, bitset: 0x8000_0000 },
      plain,
    ]);
    expect(machine.call('futex', [WORD, WAKE_BITSET, ALL, 0, 0, 0x8000_0000])).toBe(2);
    expect(waiting(machine)).toEqual([2]);
  });
});

describe('a requeue', () => {
  test('wakes some and moves some of the others behind those that wait there', () => {
    const machine = machineWithWaiters([
      plain,
      { ...plain, word: OTHER_WORD },
      plain,
      plain,
      plain,
    ]);
    const args = [WORD, CMP_REQUEUE, 1, 2, OTHER_WORD, 0];
    expect(machine.call('futex', args)).toBe(3);
    expect(machine.choices).toEqual([{ kind: 'wake', candidates: [2, 4, 5, 6] }]);
    expect(waiting(machine)).toEqual([3, 4, 5, 6]);
    machine.choices.length = 0;
    expect(machine.call('futex', [OTHER_WORD, WAKE, 1])).toBe(1);
    expect(machine.choices).toEqual([{ kind: 'wake', candidates: [3, 4, 5] }]);
    expect(machine.call('futex', [WORD, WAKE, ALL])).toBe(1);
  });

  test('puts one who came earlier behind one who waits there already', () => {
    const machine = machineWithWaiters([plain, { ...plain, word: OTHER_WORD }]);
    machine.call('futex', [WORD, REQUEUE, 0, 1, OTHER_WORD]);
    machine.call('futex', [OTHER_WORD, WAKE, 1]);
    expect(machine.choices).toEqual([{ kind: 'wake', candidates: [3, 2] }]);
  });

  test('may wake none at all', () => {
    const machine = machineWithWaiters([plain]);
    expect(machine.call('futex', [WORD, REQUEUE, 0, 1, OTHER_WORD])).toBe(1);
    expect(waiting(machine)).toEqual([2]);
    expect(machine.call('futex', [OTHER_WORD, WAKE, 1])).toBe(1);
  });

  test('to the same futex keeps the order', () => {
    const machine = machineWithWaiters([plain, plain]);
    expect(machine.call('futex', [WORD, REQUEUE, 0, 1, WORD])).toBe(1);
    machine.call('futex', [WORD, WAKE, 1]);
    expect(machine.choices).toEqual([{ kind: 'wake', candidates: [2, 3] }]);
  });

  test('does nothing when the word has changed', () => {
    const machine = machineWithWaiters([plain]);
    machine.memory.writeU32(WORD, 9);
    expect(machine.call('futex', [WORD, CMP_REQUEUE, 1, 1, OTHER_WORD, 8])).toBe(-ERRNO.EAGAIN);
    expect(waiting(machine)).toEqual([2]);
  });
});

describe('wake and operate', () => {
  /** Adds 1 to the second word and compares its old value with 0. */
  const addAndCompare = (comparison: number) => ((1 << 28) | (comparison << 24) | (1 << 12)) >>> 0;

  test.each([
    ['holds', 0, 2],
    ['does not hold', 1, 1],
  ])('wakes at the second word if the comparison %s', (_, comparison, woken) => {
    const machine = machineWithWaiters([plain, { ...plain, word: OTHER_WORD }]);
    const args = [WORD, WAKE_OP, ALL, ALL, OTHER_WORD, addAndCompare(comparison)];
    expect(machine.call('futex', args)).toBe(woken);
    expect(machine.memory.readU32(OTHER_WORD)).toBe(1);
  });

  test('wakes nobody where the operation fails', () => {
    const machine = machineWithWaiters([{ operation: WAIT | FUTEX_PRIVATE_FLAG }]);
    const operation = WAKE_OP | FUTEX_PRIVATE_FLAG;
    expect(machine.call('futex', [WORD, operation, 1, 1, HOLE, 0])).toBe(-ERRNO.EFAULT);
    expect(waiting(machine)).toEqual([2]);
  });
});

test.each([6, 7, 8, 11, 12, 13])('priority inheritance (%i) is not supported', (operation) => {
  const machine = new TestMachine();
  expect(machine.syscall(1, 'futex', [WORD, operation])).toEqual({
    kind: 'unsupported',
    message: expect.stringContaining('priority inheritance'),
  });
});
