import { describe, expect, test } from 'vitest';
import { RSEQ_EVENT_MIGRATE, RSEQ_EVENT_PREEMPT } from '../../../kernel-model/abi/rseq.ts';
import { SIGNALS } from '../../../kernel-model/abi/signal.ts';
import { ABORT, ArmedMachine, END, INSIDE, POISON, START } from './armed-task.ts';

const EVENTS = RSEQ_EVENT_MIGRATE | RSEQ_EVENT_PREEMPT;
const MS = 1_000_000;
const TIMESPEC = 0x1000_0800;
const MASK = 0x1000_0900;

/** Task 1 in the section on vCPU 0, task 2 running on vCPU 1; both of one process. */
function makeMachine(): ArmedMachine {
  const machine = new ArmedMachine({ vcpus: 3 });
  machine.startThread(1);
  machine.arm(1);
  machine.poisonIds(1);
  return machine;
}

const ABORTED = { position: ABORT, armed: false };
const UNDISTURBED = { position: INSIDE, armed: true };

function stateOf(machine: ArmedMachine, id = 1) {
  return { position: machine.positionOf(id), armed: machine.isArmed(id) };
}

describe('a task in a section is sent to its abort handler', () => {
  test('when another task ran on its vCPU, at the moment it is back', () => {
    const machine = makeMachine();
    machine.kernel.migrate(2, 0);
    machine.kernel.switchTo(0, 2);
    expect(stateOf(machine)).toEqual(UNDISTURBED);
    expect(machine.idsOf(1)).toEqual([POISON, POISON, POISON, POISON]);
    machine.kernel.switchTo(0, 1);
    expect(stateOf(machine)).toEqual(ABORTED);
    expect(machine.idsOf(1)).toEqual([0, 0, 0, 0]);
    expect(machine.abortedTasks).toEqual([1]);
  });

  test('by a spurious reschedule', () => {
    const machine = makeMachine();
    machine.kernel.switchTo(0, 1);
    expect(stateOf(machine)).toEqual(ABORTED);
  });

  test('when it was moved to another vCPU, whose number it finds in its area', () => {
    const machine = makeMachine();
    machine.kernel.migrate(1, 2);
    expect(stateOf(machine)).toEqual(UNDISTURBED);
    machine.kernel.switchTo(2, 1);
    expect(stateOf(machine)).toEqual(ABORTED);
    expect(machine.idsOf(1)).toEqual([2, 2, 0, 0]);
  });

  test('when it was moved while it was queued', () => {
    const machine = makeMachine();
    machine.kernel.migrate(2, 0);
    machine.kernel.switchTo(0, 2);
    machine.kernel.migrate(1, 2);
    machine.kernel.switchTo(2, 1);
    expect(stateOf(machine)).toEqual(ABORTED);
  });

  test('by an rseq fence on its vCPU', () => {
    const machine = makeMachine();
    machine.kernel.fence(0);
    expect(stateOf(machine)).toEqual(ABORTED);
    expect(machine.idsOf(1)).toEqual([0, 0, 0, 0]);
  });

  test('when it slept in a system call', () => {
    const machine = makeMachine();
    machine.memory.writeU64(TIMESPEC + 8, BigInt(MS));
    machine.block('nanosleep', [TIMESPEC, 0]);
    machine.passTime();
    machine.kernel.switchTo(0, 1);
    expect(stateOf(machine)).toEqual(ABORTED);
    expect(machine.result(1)).toBe(0);
  });

  test('when SIGSTOP took it off its vCPU, once SIGCONT has it go on', () => {
    const machine = makeMachine();
    machine.kernel.signal(1, SIGNALS.SIGSTOP);
    expect(machine.task(1).state.kind).toBe('stopped');
    expect(stateOf(machine)).toEqual(UNDISTURBED);
    machine.kernel.signal(1, SIGNALS.SIGCONT);
    machine.kernel.switchTo(0, 1);
    expect(stateOf(machine)).toEqual(ABORTED);
    expect(machine.idsOf(1)).toEqual([0, 0, 0, 0]);
  });

  test('when sched_yield gave its vCPU to another', () => {
    const machine = makeMachine();
    machine.kernel.migrate(2, 0);
    machine.syscall(1, 'sched_yield');
    expect(stateOf(machine)).toEqual(UNDISTURBED);
    machine.kernel.switchTo(0, 2);
    machine.kernel.switchTo(0, 1);
    expect(stateOf(machine)).toEqual(ABORTED);
  });

  test('when another thread takes its vCPU from its affinity', () => {
    const machine = makeMachine();
    machine.memory.writeU64(MASK, 0b100n);
    expect(machine.call('sched_setaffinity', [machine.task(1).tid, 8, MASK], 2)).toBe(0);
    expect(machine.task(1)).toMatchObject({ vcpu: 2, state: { kind: 'ready' } });
    machine.kernel.switchTo(2, 1);
    expect(stateOf(machine)).toEqual(ABORTED);
    expect(machine.idsOf(1).slice(0, 2)).toEqual([2, 2]);
  });
});

describe('a task in a section goes on undisturbed', () => {
  test('when a system call returns at once', () => {
    const machine = makeMachine();
    machine.call('getpid');
    machine.call('sched_yield');
    expect(stateOf(machine)).toEqual(UNDISTURBED);
    expect(machine.idsOf(1)).toEqual([POISON, POISON, POISON, POISON]);
  });

  test('when other vCPUs run, switch and are interrupted', () => {
    const machine = makeMachine();
    machine.kernel.switchTo(1, 2);
    machine.kernel.fence(1);
    machine.kernel.fence(2);
    machine.kernel.migrate(2, 2);
    machine.kernel.switchTo(2, 2);
    expect(stateOf(machine)).toEqual(UNDISTURBED);
  });

  test('when its affinity changes and still allows its vCPU', () => {
    const machine = makeMachine();
    machine.memory.writeU64(MASK, 0b001n);
    machine.call('sched_setaffinity', [machine.task(1).tid, 8, MASK], 2);
    expect(stateOf(machine)).toEqual(UNDISTURBED);
  });

  test('when time passes and timers of others expire', () => {
    const machine = makeMachine();
    machine.memory.writeU64(TIMESPEC + 8, BigInt(MS));
    machine.block('nanosleep', [TIMESPEC, 0], 2);
    machine.passTime();
    expect(stateOf(machine)).toEqual(UNDISTURBED);
  });
});

describe('membarrier', () => {
  const REGISTER_RSEQ = 256;
  const REGISTER_ALL = [4, 16, 64, 256];
  const RSEQ = 128;
  const FLAG_CPU = 1;

  test.each([
    ['rseq, to all', [RSEQ], ABORTED],
    ['rseq, to the vCPU of the task', [RSEQ, FLAG_CPU, 0], ABORTED],
    ['rseq, to another vCPU', [RSEQ, FLAG_CPU, 2], UNDISTURBED],
    ['rseq, to a vCPU that does not exist', [RSEQ, FLAG_CPU, 64], UNDISTURBED],
    ['rseq, to vCPU -1, which is all of them', [RSEQ, FLAG_CPU, -1], ABORTED],
    ['global', [1], UNDISTURBED],
    ['global expedited', [2], UNDISTURBED],
    ['private expedited', [8], UNDISTURBED],
    ['private expedited, with core synchronisation', [32], UNDISTURBED],
  ])('%s, by another thread', (_, args, expected) => {
    const machine = makeMachine();
    for (const command of REGISTER_ALL) machine.call('membarrier', [command], 2);
    expect(machine.call('membarrier', args, 2)).toBe(0);
    expect(stateOf(machine)).toEqual(expected);
  });

  test.each([
    ['to all passes over the caller', [RSEQ], UNDISTURBED],
    ['to its own vCPU by number does not', [RSEQ, FLAG_CPU, 0], ABORTED],
  ])('%s', (_, args, expected) => {
    const machine = makeMachine();
    machine.call('membarrier', [REGISTER_RSEQ]);
    expect(machine.call('membarrier', args)).toBe(0);
    expect(stateOf(machine)).toEqual(expected);
  });

  test('does not reach a task that is queued: it will be aborted anyway', () => {
    const machine = makeMachine();
    machine.call('membarrier', [REGISTER_RSEQ], 2);
    const third = machine.startThread(0);
    machine.call('membarrier', [RSEQ], 2);
    expect(stateOf(machine)).toEqual(UNDISTURBED);
    expect(machine.task(third).state.kind).toBe('running');
  });
});

describe('outside of its section', () => {
  test.each([START - 1, END, ABORT])('at %i a rescheduled task loses only rseq_cs', (at) => {
    const machine = makeMachine();
    machine.rearm(1, at);
    machine.kernel.switchTo(0, 1);
    expect(stateOf(machine)).toEqual({ position: at, armed: false });
    expect(machine.idsOf(1)).toEqual([0, 0, 0, 0]);
  });

  test('a task called from it is no longer protected after it returns', () => {
    const machine = makeMachine();
    machine.rearm(1, ABORT + 64);
    machine.kernel.switchTo(0, 1);
    machine.registers(1).instructionPointer = INSIDE;
    machine.kernel.switchTo(0, 1);
    expect(stateOf(machine)).toEqual({ position: INSIDE, armed: false });
  });

  test('the events stay, for a later return to user mode that finds the task inside', () => {
    const machine = makeMachine();
    machine.rearm(1, END);
    machine.kernel.switchTo(0, 1);
    expect(machine.task(1).rseqEvents & EVENTS).toBe(RSEQ_EVENT_PREEMPT);
    machine.rearm(1);
    const { rseq } = machine.kernel.profile;
    const task = machine.task(1);
    task.notifyResume = true;
    expect(rseq.onResume(machine.kernel.rseqContext(task)).kind).toBe('aborted');
    expect(task.rseqEvents).toBe(0);
  });
});

describe('a return to user mode with work pending', () => {
  function resumeWith(machine: ArmedMachine, events: number) {
    const task = machine.task(1);
    task.rseqEvents = events;
    task.notifyResume = true;
    const outcome = machine.kernel.profile.rseq.onResume(machine.kernel.rseqContext(task));
    expect(task.notifyResume).toBe(false);
    return outcome;
  }

  test('but no event writes the ids and leaves section and rseq_cs alone', () => {
    const machine = makeMachine();
    expect(resumeWith(machine, 0)).toEqual({ kind: 'resumed' });
    expect(stateOf(machine)).toEqual(UNDISTURBED);
    expect(machine.idsOf(1)).toEqual([0, 0, 0, 0]);
  });

  test.each([1, 2, 4, 7])('and events %i tells which region was left, and where', (events) => {
    const machine = makeMachine();
    const { region } = machine;
    expect(resumeWith(machine, events)).toEqual({ kind: 'aborted', region, from: INSIDE });
    expect(machine.task(1).rseqEvents).toBe(0);
  });

  test('that ends fatally keeps the events and writes nothing', () => {
    const machine = makeMachine();
    machine.memory.writeU32(ABORT - 4, 1);
    expect(resumeWith(machine, RSEQ_EVENT_PREEMPT).kind).toBe('fatal');
    expect(machine.task(1).rseqEvents).toBe(RSEQ_EVENT_PREEMPT);
    expect(stateOf(machine)).toEqual(UNDISTURBED);
    expect(machine.idsOf(1)).toEqual([POISON, POISON, POISON, POISON]);
  });
});

test('a malformed descriptor ends the whole process, and says why', () => {
  const machine = makeMachine();
  machine.memory.writeU32(ABORT - 4, 1);
  machine.kernel.switchTo(0, 1);
  const { ending } = machine.kernel.processOf(machine.task(1));
  expect(ending).toEqual({
    kind: 'signal',
    signal: 11,
    code: 128,
    address: 0n,
    task: 1,
    instructionPointer: INSIDE,
  });
  expect(machine.state.tasks.map((task) => task.state.kind)).toEqual(['dead', 'dead']);
  expect(machine.state.vcpus.map(({ current }) => current)).toEqual([0, 0, 0]);
});

describe('a child', () => {
  test('of fork inherits the registration with its events, and its vCPU was set', () => {
    const machine = makeMachine();
    const { rseq } = machine.kernel.profile;
    const parent = machine.task(1);
    parent.rseqEvents = RSEQ_EVENT_PREEMPT;
    const child = { ...parent, rseq: undefined, rseqEvents: 0, notifyResume: false };
    rseq.onClone(parent, child, 0n);
    expect(child).toMatchObject({
      rseq: parent.rseq,
      rseqEvents: RSEQ_EVENT_PREEMPT | RSEQ_EVENT_MIGRATE,
      notifyResume: true,
    });
    expect(rseq.armedRegion(machine.kernel.rseqContext(child))).toEqual(machine.region);
  });

  test('that shares memory starts without one', () => {
    const machine = makeMachine();
    const child = machine.startThread(2);
    expect(machine.task(child)).toMatchObject({ rseq: undefined, notifyResume: false });
    machine.kernel.switchTo(2, child);
    expect(machine.positionOf(child)).toBe(INSIDE);
  });
});
