import { describe, expect, test } from 'vitest';
import { CLONE, CLONE_ARGS } from '../../../kernel-model/abi/clone.ts';
import {
  FUTEX,
  FUTEX_OWNER_DIED,
  FUTEX_PRIVATE_FLAG,
  FUTEX_WAITERS,
} from '../../../kernel-model/abi/futex.ts';
import { HOLE, READ_WRITE, TestMachine, THREAD_FLAGS } from '../harness.ts';

const PARENT_TID = READ_WRITE + 0x10;
const CHILD_TID = READ_WRITE + 0x20;
const STACK = READ_WRITE + 0x800;
const TLS = READ_WRITE + 0x900;
const ARGS = READ_WRITE + 0x200;
const GARBAGE = 0xdead_beef;
const ALL_TIDS =
  BigInt(THREAD_FLAGS) |
  CLONE.SETTLS |
  CLONE.PARENT_SETTID |
  CLONE.CHILD_SETTID |
  CLONE.CHILD_CLEARTID;

/** Calls clone or clone3 with everything set; returns the child's thread id. */
function cloneWith(machine: TestMachine, call: string): number {
  if (call === 'clone') {
    return machine.call('clone', [ALL_TIDS, STACK, PARENT_TID, CHILD_TID, TLS]);
  }
  const members: readonly [number, number | bigint][] = [
    [CLONE_ARGS.flags, ALL_TIDS],
    [CLONE_ARGS.childTid, CHILD_TID],
    [CLONE_ARGS.parentTid, PARENT_TID],
    [CLONE_ARGS.stack, STACK - 0x400],
    [CLONE_ARGS.stackSize, 0x400],
    [CLONE_ARGS.tls, TLS],
  ];
  for (const [offset, value] of members) machine.memory.writeU64(ARGS + offset, BigInt(value));
  return machine.call('clone3', [ARGS, CLONE_ARGS.size]);
}

describe.each(['clone', 'clone3'])('%s', (call) => {
  test('makes a thread: registers of its parent, a stack, a TLS and a result of its own', () => {
    const machine = new TestMachine();
    machine.registers(1).write('rbx', 77n);
    machine.registers(1).write('fs_base', 5n);
    const tid = cloneWith(machine, call);
    expect(tid).toBe(machine.task(1).tid + 1);
    expect(machine.task(2).tid).toBe(tid);
    const registers = machine.registers(2);
    expect(registers.instructionPointer).toBe(machine.registers(1).instructionPointer);
    expect(registers.read('rbx')).toBe(77n);
    expect(registers.read('rax')).toBe(0n);
    expect(registers.read('rsp')).toBe(BigInt(STACK));
    expect(registers.read('fs_base')).toBe(BigInt(TLS));
    expect(machine.registers(1).read('fs_base')).toBe(5n);
  });

  test('tells both sides the thread id, and remembers where to clear it', () => {
    const machine = new TestMachine();
    const tid = cloneWith(machine, call);
    expect(machine.memory.readU32(PARENT_TID)).toBe(tid);
    expect(machine.memory.readU32(CHILD_TID)).toBe(tid);
    expect(machine.task(2).clearChildTid).toBe(CHILD_TID);
  });

  test('lets choose among the vCPUs that the parent may use, which the child inherits', () => {
    const machine = new TestMachine({ vcpus: 3, choose: () => 1 });
    machine.memory.writeU64(READ_WRITE, 0b101n);
    machine.call('sched_setaffinity', [0, 8, READ_WRITE]);
    cloneWith(machine, call);
    expect(machine.choices).toEqual([{ kind: 'place', task: 2, candidates: [0, 2] }]);
    expect(machine.task(2)).toMatchObject({ vcpu: 2, affinity: 0b101n, state: { kind: 'ready' } });
    expect(machine.state.vcpus[2]?.queue).toEqual([2]);
  });
});

describe('a new thread', () => {
  test('keeps the stack pointer and TLS of its parent unless told otherwise', () => {
    const machine = new TestMachine();
    machine.registers(1).write('rsp', 123n);
    machine.registers(1).write('fs_base', 5n);
    machine.call('clone', [THREAD_FLAGS, 0, HOLE, HOLE, 99]);
    expect(machine.registers(2).read('rsp')).toBe(123n);
    expect(machine.registers(2).read('fs_base')).toBe(5n);
    expect(machine.task(2).clearChildTid).toBe(0);
  });

  test('is made even if its thread id cannot be stored', () => {
    const machine = new TestMachine();
    const flags = BigInt(THREAD_FLAGS) | CLONE.PARENT_SETTID;
    expect(machine.call('clone', [flags, 0, HOLE])).toBeGreaterThan(0);
  });

  test('starts without rseq, robust list and pending events', () => {
    const machine = new TestMachine();
    machine.call('rseq', [READ_WRITE, 32, 0, 1]);
    machine.call('set_robust_list', [READ_WRITE, 24]);
    machine.kernel.fence(0);
    machine.call('clone', [THREAD_FLAGS]);
    expect(machine.task(2)).toMatchObject({
      rseq: undefined,
      robustList: 0n,
      rseqEvents: 0,
      notifyResume: false,
      entry: 'syscall',
    });
  });

  test.each([
    ['a process with the handlers of its parent', [0x911], '0x800'],
    ['a process in another network', [0x4000_0011], '0x40000000'],
    ['a thread that suspends its parent', [THREAD_FLAGS | 0x4000], '0x4000'],
    ['a thread with a pid file descriptor', [THREAD_FLAGS | 0x1000], '0x1000'],
    ['a thread in another network', [BigInt(THREAD_FLAGS) | 0x4000_0000n], '0x40000000'],
  ])('cannot be %s', (_, args, detail) => {
    const machine = new TestMachine();
    const outcome = machine.syscall(1, 'clone', args);
    expect(outcome).toEqual({ kind: 'unsupported', message: expect.stringContaining(detail) });
    expect(machine.state.tasks).toHaveLength(1);
  });
});

describe('exit', () => {
  test('clears the thread id and wakes one who waits for it, if not privately', () => {
    const machine = new TestMachine();
    cloneWith(machine, 'clone');
    machine.run(2, 1);
    const tid = machine.task(2).tid;
    machine.block('futex', [CHILD_TID, FUTEX.WAIT, tid]);
    machine.syscall(2, 'exit', [3]);
    expect(machine.memory.readU32(CHILD_TID)).toBe(0);
    expect(machine.task(1).state.kind).toBe('ready');
    expect(machine.task(2).state).toEqual({ kind: 'dead', status: 3 });
    expect(machine.state.vcpus[1]?.current).toBe(0);
    expect(machine.destroyed).toEqual([2]);
    expect(machine.state.processes[0]?.ending).toBeUndefined();
  });

  test('does not wake a private waiter', () => {
    const machine = new TestMachine();
    cloneWith(machine, 'clone');
    machine.run(2, 1);
    machine.block('futex', [CHILD_TID, FUTEX.WAIT | FUTEX_PRIVATE_FLAG, machine.task(2).tid]);
    machine.syscall(2, 'exit', [0]);
    expect(machine.task(1).state.kind).toBe('blocked');
  });

  test('of the last thread leaves its thread id alone, as nobody shares the memory', () => {
    const machine = new TestMachine();
    machine.call('set_tid_address', [CHILD_TID]);
    machine.memory.writeU32(CHILD_TID, GARBAGE);
    machine.syscall(1, 'exit', [0x1_03]);
    expect(machine.memory.readU32(CHILD_TID)).toBe(GARBAGE);
    expect(machine.state.processes[0]?.ending).toEqual({ kind: 'exit', status: 3 });
  });

  test('of all threads one by one ends the process with the status of the first', () => {
    const machine = new TestMachine();
    machine.startThread(1);
    machine.syscall(1, 'exit', [7]);
    expect(machine.state.processes[0]?.ending).toBeUndefined();
    machine.syscall(2, 'exit', [9]);
    expect(machine.state.processes[0]?.ending).toEqual({ kind: 'exit', status: 7 });
  });
});

test('exit_group ends running, ready and blocked threads', () => {
  const machine = new TestMachine();
  const blocked = machine.startThread(1);
  machine.block('futex', [READ_WRITE, FUTEX.WAIT, 0], blocked);
  const running = machine.startThread(1);
  machine.call('clone', [THREAD_FLAGS]);
  machine.syscall(running, 'exit_group', [-1]);
  expect(machine.state.tasks.map(({ state }) => state)).toEqual(
    Array(4).fill({ kind: 'dead', status: 255 }),
  );
  expect(machine.state.vcpus.map(({ current, queue }) => [current, queue])).toEqual([
    [0, []],
    [0, []],
  ]);
  expect(machine.state.processes[0]?.ending).toEqual({ kind: 'exit', status: 255 });
  expect(machine.destroyed.sort()).toEqual([1, 2, 3, 4]);
});

describe('a robust list', () => {
  const HEAD = READ_WRITE + 0x400;
  const LOCK_OFFSET = 0x20;
  const FIRST = READ_WRITE + 0x500;
  const SECOND = READ_WRITE + 0x600;
  const PENDING = READ_WRITE + 0x700;

  /** A machine whose task 2, on vCPU 1, is about to exit with this list. */
  function machineWithList(entries: readonly number[], pending = 0): TestMachine {
    const machine = new TestMachine();
    const links = [HEAD, ...entries];
    links.forEach((link, index) => {
      machine.memory.writeU64(link, BigInt(links[index + 1] ?? HEAD));
    });
    machine.memory.writeU64(HEAD + 8, BigInt(LOCK_OFFSET));
    machine.memory.writeU64(HEAD + 16, BigInt(pending));
    machine.call('set_robust_list', [HEAD, 24], machine.startThread(1));
    return machine;
  }

  function setLock(machine: TestMachine, entry: number, value: number): void {
    machine.memory.writeU32(entry + LOCK_OFFSET, value >>> 0);
  }

  function lock(machine: TestMachine, entry: number): number | undefined {
    return machine.memory.readU32(entry + LOCK_OFFSET);
  }

  test('marks the locks of the dying thread, not those of others, and wakes a waiter', () => {
    const machine = machineWithList([FIRST, SECOND]);
    const { tid } = machine.task(2);
    setLock(machine, FIRST, tid | FUTEX_WAITERS);
    setLock(machine, SECOND, tid + 1);
    machine.block('futex', [FIRST + LOCK_OFFSET, FUTEX.WAIT, (tid | FUTEX_WAITERS) >>> 0]);
    machine.syscall(2, 'exit', [0]);
    expect(lock(machine, FIRST)).toBe((FUTEX_WAITERS | FUTEX_OWNER_DIED) >>> 0);
    expect(lock(machine, SECOND)).toBe(tid + 1);
    expect(machine.task(1).state.kind).toBe('ready');
  });

  test('wakes at a lock that was released but not yet taken off the list', () => {
    const machine = machineWithList([], PENDING);
    machine.block('futex', [PENDING + LOCK_OFFSET, FUTEX.WAIT, 0]);
    machine.syscall(2, 'exit', [0]);
    expect(machine.task(1).state.kind).toBe('ready');
    expect(lock(machine, PENDING)).toBe(0);
  });

  test('that has no end is given up', () => {
    const machine = machineWithList([FIRST]);
    machine.memory.writeU64(FIRST, BigInt(FIRST));
    machine.syscall(2, 'exit', [0]);
    expect(machine.task(2).state.kind).toBe('dead');
  });

  test('that leads nowhere does not keep the thread alive', () => {
    const machine = machineWithList([FIRST, HOLE]);
    setLock(machine, FIRST, machine.task(2).tid);
    machine.syscall(2, 'exit', [0]);
    expect(lock(machine, FIRST)).toBe(FUTEX_OWNER_DIED);
    expect(machine.task(2).state.kind).toBe('dead');
  });
});

test('threads share the process id and have their own thread id', () => {
  const machine = new TestMachine();
  const child = machine.startThread(1);
  const pid = machine.call('getpid');
  expect(machine.call('gettid')).toBe(pid);
  expect(machine.call('getpid', [], child)).toBe(pid);
  expect(machine.call('gettid', [], child)).toBe(machine.task(child).tid);
  expect(machine.call('set_tid_address', [0], child)).toBe(machine.task(child).tid);
  expect(machine.call('getppid')).not.toBe(pid);
});
