import { describe, expect, test } from 'vitest';
import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { ABORT, ArmedMachine, INSIDE, POISON } from './armed-task.ts';

const MS = 1_000_000;
const TIMESPEC = 0x1000_0800;
const LEGACY_BYTES = 32;
const V2_BYTES = 64;
const REGISTER_RSEQ = 256;
const RSEQ = 128;
const FLAG_CPU = 1;

/** What an event left: the section's fate, and which ids were written. */
type Result = 'aborted' | 'kept' | 'cleared' | 'killed';
type Ids = 'all ids' | 'CPU numbers' | 'no ids';
type Outcome = `${Result}, ${Ids}`;

/** Tasks 1 (in its section, vCPU 0) and 2 (vCPU 1) of one process, ids of the first poisoned. */
function makeMachine(kernel: string, lengthBytes: number): ArmedMachine {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  const machine = new ArmedMachine({ vcpus: 3, profile });
  machine.startThread(1);
  machine.register(1, lengthBytes);
  machine.rearm(1);
  machine.poisonIds(1);
  return machine;
}

function outcomeOf(machine: ArmedMachine): Outcome {
  const ids = machine.idsOf(1).map((id) => id !== POISON);
  const written = ids.every(Boolean) ? 'all ids' : ids[0] ? 'CPU numbers' : 'no ids';
  if (machine.task(1).state.kind === 'dead') return `killed, ${written}`;
  const at = machine.positionOf(1);
  if (at === ABORT) return `aborted, ${written}`;
  return machine.isArmed(1) ? `kept, ${written}` : `cleared, ${written}`;
}

const EVENTS = {
  'a reschedule': (machine: ArmedMachine) => {
    machine.kernel.switchTo(0, 1);
  },
  'another thread on its CPU': (machine: ArmedMachine) => {
    machine.kernel.migrate(2, 0);
    machine.kernel.switchTo(0, 2);
    machine.kernel.switchTo(0, 1);
  },
  'a move to another CPU': (machine: ArmedMachine) => {
    machine.kernel.migrate(1, 2);
    machine.kernel.switchTo(2, 1);
  },
  'an rseq membarrier': (machine: ArmedMachine) => {
    machine.call('membarrier', [REGISTER_RSEQ], 2);
    machine.call('membarrier', [RSEQ], 2);
  },
  'an rseq membarrier to its own CPU': (machine: ArmedMachine) => {
    machine.call('membarrier', [REGISTER_RSEQ]);
    machine.call('membarrier', [RSEQ, FLAG_CPU, 0]);
  },
  'a sleep in a system call': (machine: ArmedMachine) => {
    machine.memory.writeU64(TIMESPEC + 8, BigInt(MS));
    machine.block('nanosleep', [TIMESPEC, 0]);
    machine.passTime();
    machine.kernel.switchTo(0, 1);
  },
  'a system call that returns at once': (machine: ArmedMachine) => {
    machine.syscall(1, 'getpid');
  },
} as const;

type EventName = keyof typeof EVENTS;

/**
 * By kernel and length of the area. Up to 6.18: rseq_preempt, rseq_migrate, ipi_rseq and
 * __rseq_handle_notify_resume; later: rseq_sched_switch_event of include/linux/rseq.h
 * (6c180bb5e961) and rseq_exit_user_update of include/linux/rseq_entry.h; 7.1: 22a92dbd6083.
 */
const TABLE: readonly (readonly [
  kernel: string,
  lengthBytes: number,
  outcomes: Partial<Record<EventName, Outcome>>,
])[] = [
  ...['4.18', '5.5', '6.0'].map(
    (kernel) =>
      [
        kernel,
        LEGACY_BYTES,
        {
          'a reschedule': 'aborted, CPU numbers',
          'another thread on its CPU': 'aborted, CPU numbers',
          'a move to another CPU': 'aborted, CPU numbers',
          'a sleep in a system call': 'aborted, CPU numbers',
          'a system call that returns at once': 'kept, no ids',
        },
      ] as const,
  ),
  ...['6.3', '6.15', '6.18'].map(
    (kernel) =>
      [
        kernel,
        LEGACY_BYTES,
        {
          'a reschedule': 'aborted, all ids',
          'another thread on its CPU': 'aborted, all ids',
          'a move to another CPU': 'aborted, all ids',
          'an rseq membarrier': 'aborted, all ids',
          'an rseq membarrier to its own CPU': 'aborted, all ids',
          'a sleep in a system call': 'aborted, all ids',
          'a system call that returns at once': 'kept, no ids',
        },
      ] as const,
  ),
  ...(['6.19', '7.0'] as const).map(
    (kernel) =>
      [
        kernel,
        LEGACY_BYTES,
        {
          'a reschedule': 'aborted, no ids',
          'another thread on its CPU': 'aborted, no ids',
          'a move to another CPU': 'aborted, all ids',
          'an rseq membarrier': 'aborted, no ids',
          'an rseq membarrier to its own CPU': 'kept, no ids',
          'a sleep in a system call': 'kept, no ids',
          'a system call that returns at once': 'kept, no ids',
        },
      ] as const,
  ),
  [
    '7.1',
    LEGACY_BYTES,
    {
      'a reschedule': 'aborted, all ids',
      'another thread on its CPU': 'aborted, all ids',
      'a move to another CPU': 'aborted, all ids',
      'an rseq membarrier': 'aborted, all ids',
      'an rseq membarrier to its own CPU': 'kept, all ids',
      'a sleep in a system call': 'kept, all ids',
      'a system call that returns at once': 'kept, no ids',
    },
  ],
  [
    '7.1',
    V2_BYTES,
    {
      'a reschedule': 'aborted, no ids',
      'an rseq membarrier': 'aborted, no ids',
      'a sleep in a system call': 'kept, no ids',
      // The poison is user code that changed the ids: seen when they are to be written.
      'a move to another CPU': 'killed, no ids',
    },
  ],
  ['7.1+documented', LEGACY_BYTES, { 'a sleep in a system call': 'aborted, all ids' }],
  ['6.18+debug', LEGACY_BYTES, { 'a system call that returns at once': 'killed, no ids' }],
  [
    '7.0+debug',
    LEGACY_BYTES,
    {
      'a reschedule': 'aborted, no ids',
      'a move to another CPU': 'killed, no ids',
      'a system call that returns at once': 'killed, no ids',
    },
  ],
  ['broken-no-preempt-abort', LEGACY_BYTES, { 'another thread on its CPU': 'kept, no ids' }],
  ['broken-fence-lost', LEGACY_BYTES, { 'an rseq membarrier': 'kept, no ids' }],
];

const LINES = TABLE.flatMap(([kernel, lengthBytes, outcomes]) =>
  Object.entries(outcomes).map(([event, outcome]) => ({
    kernel,
    lengthBytes,
    event: event as EventName,
    outcome,
  })),
);

describe('a task in a section meets', () => {
  test.each(LINES)('$event under $kernel ($lengthBytes bytes): $outcome', (line) => {
    const machine = makeMachine(line.kernel, line.lengthBytes);
    EVENTS[line.event](machine);
    expect(outcomeOf(machine)).toBe(line.outcome);
  });
});

describe('a signal whose handler is to run', () => {
  function deliver(kernel: string, entry: 'interrupt' | 'syscall') {
    const machine = makeMachine(kernel, LEGACY_BYTES);
    const task = machine.task(1);
    task.entry = entry;
    const { kind } = machine.kernel.profile.rseq.onSignal(machine.kernel.rseqContext(task));
    return { kind, work: task.notifyResume };
  }

  test.each([
    ['6.18', 'interrupt', 'aborted', false],
    ['6.18', 'syscall', 'aborted', false],
    ['6.19', 'interrupt', 'aborted', false],
    ['6.19', 'syscall', 'resumed', false],
    // Legacy areas have their ids rewritten on the way to the handler.
    ['7.1', 'interrupt', 'aborted', true],
    ['7.1', 'syscall', 'resumed', false],
    ['7.1+documented', 'syscall', 'aborted', true],
  ] as const)('under %s, after an entry by %s: %s', (kernel, entry, kind, work) => {
    expect(deliver(kernel, entry)).toEqual({ kind, work });
  });
});

describe('events recorded outside of a section', () => {
  test.each([
    ['6.18', 'aborted'],
    ['6.19', 'resumed'],
  ])('under %s: a later return to user mode with nothing new is %s', (kernel, kind) => {
    const machine = makeMachine(kernel, LEGACY_BYTES);
    machine.registers(1).instructionPointer = ABORT + 64;
    machine.kernel.switchTo(0, 1);
    machine.rearm(1);
    const task = machine.task(1);
    task.notifyResume = true;
    expect(machine.kernel.profile.rseq.onResume(machine.kernel.rseqContext(task)).kind).toBe(kind);
  });
});

describe('a child', () => {
  const CLONE_VM = 0x100n;
  const CLONE_THREAD = 0x1_0000n;

  test.each([
    ['4.18', CLONE_VM, true],
    ['4.18', CLONE_VM | CLONE_THREAD, false],
    ['5.5', CLONE_VM, false],
    ['7.1', CLONE_VM, false],
    ['4.18', 0n, true],
    ['7.1', 0n, true],
  ])('under %s with clone flags %i inherits the registration: %s', (kernel, flags, inherits) => {
    const machine = makeMachine(kernel, LEGACY_BYTES);
    const parent = machine.task(1);
    const child = { ...parent, rseq: undefined, rseqEvents: 0, notifyResume: false };
    machine.kernel.profile.rseq.onClone(parent, child, flags);
    expect({ rseq: child.rseq, work: child.notifyResume }).toEqual({
      rseq: inherits ? parent.rseq : undefined,
      work: inherits,
    });
  });

  test.each([
    ['6.18', 'aborted'],
    ['6.19', 'resumed'],
  ])('of fork under %s comes back in the section: %s', (kernel, kind) => {
    const machine = makeMachine(kernel, LEGACY_BYTES);
    const parent = machine.task(1);
    const { rseq } = machine.kernel.profile;
    const child = { ...parent, rseq: undefined, rseqEvents: 0, entry: 'syscall' as const };
    rseq.onClone(parent, child, 0n);
    const context = { ...machine.kernel.rseqContext(parent), task: child };
    expect(rseq.onResume(context).kind).toBe(kind);
    expect(machine.memory.readU32(machine.areaOf(1) + RSEQ_AREA.cpuId)).not.toBe(POISON);
    expect(machine.positionOf(1)).toBe(kind === 'aborted' ? ABORT : INSIDE);
  });
});
