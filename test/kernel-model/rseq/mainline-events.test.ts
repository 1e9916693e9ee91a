import { describe, expect, test } from 'vitest';
import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { THREAD_FLAGS } from '../harness.ts';
import { ABORT, ArmedMachine, INSIDE, POISON } from './armed-task.ts';

const MS = 1_000_000;
const TIMESPEC = 0x1000_0800;
const LEGACY_BYTES = 32;
const V2_BYTES = 64;
const REGISTER_RSEQ = 256;
const RSEQ = 128;
const FLAG_CPU = 1;
const [NO_RESTART_ON_PREEMPT, NO_RESTART_ON_MIGRATE] = [1, 4];

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
  'a reschedule, with a wrong signature': (machine: ArmedMachine) => {
    machine.memory.writeU32(ABORT - 4, 1);
    machine.kernel.switchTo(0, 1);
  },
  'a reschedule, with nothing armed': (machine: ArmedMachine) => {
    machine.memory.writeU64(machine.areaOf(1) + RSEQ_AREA.rseqCs, 0n);
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
  'a yield to another thread': (machine: ArmedMachine) => {
    machine.kernel.migrate(2, 0);
    machine.syscall(1, 'sched_yield');
    machine.kernel.switchTo(0, 2);
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
          'a reschedule, with a wrong signature': 'killed, no ids',
          'a reschedule, with nothing armed': 'cleared, CPU numbers',
          'another thread on its CPU': 'aborted, CPU numbers',
          'a move to another CPU': 'aborted, CPU numbers',
          'a sleep in a system call': 'aborted, CPU numbers',
          'a yield to another thread': 'aborted, CPU numbers',
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
          'a reschedule, with a wrong signature': 'killed, no ids',
          'a reschedule, with nothing armed': 'cleared, all ids',
          'another thread on its CPU': 'aborted, all ids',
          'a move to another CPU': 'aborted, all ids',
          'an rseq membarrier': 'aborted, all ids',
          'an rseq membarrier to its own CPU': 'aborted, all ids',
          'a sleep in a system call': 'aborted, all ids',
          'a yield to another thread': 'aborted, all ids',
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
          // The slow path begins afresh, with the ids.
          'a reschedule, with a wrong signature': 'killed, all ids',
          'a reschedule, with nothing armed': 'cleared, no ids',
          'another thread on its CPU': 'aborted, no ids',
          'a move to another CPU': 'aborted, all ids',
          'an rseq membarrier': 'aborted, no ids',
          'an rseq membarrier to its own CPU': 'kept, no ids',
          'a sleep in a system call': 'kept, no ids',
          'a yield to another thread': 'kept, no ids',
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
      'a yield to another thread': 'kept, all ids',
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
      // A null pointer is followed, which fails: the slow path compares the ids, and they are poisoned.
      'a reschedule, with nothing armed': 'killed, no ids',
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

describe('an event that a flag of the section keeps from restarting it', () => {
  // rseq_need_restart of kernel/rseq.c of 4.19 takes all recorded events, whatever the flags are.
  test.each(['4.18', '5.5'])(
    'is over under %s: without the flag a later return restarts nothing',
    (kernel) => {
      const machine = makeMachine(kernel, LEGACY_BYTES);
      const flags = machine.areaOf(1) + RSEQ_AREA.flags;
      machine.memory.writeU32(flags, NO_RESTART_ON_PREEMPT | NO_RESTART_ON_MIGRATE);
      machine.kernel.switchTo(0, 1);
      expect(outcomeOf(machine)).toBe('kept, CPU numbers');
      machine.memory.writeU32(flags, 0);
      const task = machine.task(1);
      task.notifyResume = true;
      expect(machine.kernel.profile.rseq.onResume(machine.kernel.rseqContext(task)).kind).toBe(
        'resumed',
      );
      machine.kernel.switchTo(0, 1);
      expect(machine.positionOf(1)).toBe(ABORT);
    },
  );
});

describe('an abort takes all events: a later return to user mode with nothing new goes on,', () => {
  const armings: Readonly<Record<string, (machine: ArmedMachine) => void>> = {
    'a section as usual': () => undefined,
    'a descriptor that is not aligned': (machine) => {
      const { source } = machine.region;
      const copy = source + 68;
      machine.memory.write(copy, machine.memory.read(source, 32) ?? new Uint8Array());
      machine.memory.writeU64(machine.areaOf(1) + RSEQ_AREA.rseqCs, BigInt(copy));
    },
  };
  const cases = ['4.18', '6.18', '6.19', '7.1'].flatMap((kernel) =>
    Object.entries(armings).map(([name, arm]) => ({ kernel, name, arm })),
  );
  test.each(cases)('under $kernel with $name', ({ kernel, arm }) => {
    const machine = makeMachine(kernel, LEGACY_BYTES);
    arm(machine);
    machine.kernel.switchTo(0, 1);
    expect(machine.positionOf(1)).toBe(ABORT);
    machine.rearm(1);
    const task = machine.task(1);
    task.notifyResume = true;
    const { kind } = machine.kernel.profile.rseq.onResume(machine.kernel.rseqContext(task));
    expect(kind).toBe('resumed');
  });
});

describe('the end of a system call far from the armed section, with the debug option,', () => {
  // rseq_syscall of CONFIG_DEBUG_RSEQ (kernel/rseq.c of 4.19 and 2025); rseq_debug_syscall_return.
  const SPOILS: Readonly<Record<string, (machine: ArmedMachine) => void>> = {
    'a sound descriptor': () => undefined,
    'a wrong signature': (machine) => machine.memory.writeU32(ABORT - 4, 1),
    'a descriptor that is not mapped': (machine) =>
      machine.memory.writeU64(machine.areaOf(1) + RSEQ_AREA.rseqCs, 0x8000n),
  };

  test.each([
    ['4.18+debug', 'a sound descriptor', 'kept, no ids'],
    ['4.18+debug', 'a wrong signature', 'killed, no ids'],
    ['6.18+debug', 'a wrong signature', 'killed, no ids'],
    ['6.18+debug', 'a descriptor that is not mapped', 'killed, no ids'],
    ['6.18', 'a wrong signature', 'kept, no ids'],
    ['7.0+debug', 'a sound descriptor', 'cleared, no ids'],
    ['7.0+debug', 'a wrong signature', 'cleared, no ids'],
    ['7.0+debug', 'a descriptor that is not mapped', 'killed, no ids'],
    ['7.0', 'a descriptor that is not mapped', 'kept, no ids'],
  ])('under %s with %s: %s', (kernel, spoil, outcome) => {
    const machine = makeMachine(kernel, LEGACY_BYTES);
    machine.registers(1).instructionPointer = ABORT + 64;
    SPOILS[spoil]?.(machine);
    machine.syscall(1, 'getpid');
    expect(outcomeOf(machine)).toBe(outcome);
  });
});

describe('an mm_cid that became another one while the CPU stayed the same', () => {
  // mm_cid_schedin and rseq_sched_set_ids_changed of include/linux/rseq.h (6c180bb5e961).
  test.each(['6.19', '7.0', '7.1'])('is written under %s', (kernel) => {
    const profile = findProfile(kernel);
    if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
    const machine = new ArmedMachine({ vcpus: 2, profile });
    machine.run(1, 1);
    machine.register(1, V2_BYTES);
    expect(machine.idsOf(1)).toEqual([1, 1, 0, 0]);
    machine.kernel.switchTo(1, 1);
    expect(machine.idsOf(1)).toEqual([1, 1, 0, 0]);
    // Now there are more threads than CPUs, which own the ids from here on.
    for (const _ of [1, 2]) machine.call('clone', [THREAD_FLAGS]);
    machine.kernel.switchTo(1, 1);
    expect(machine.idsOf(1)).toEqual([1, 1, 0, 1]);
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

  test('of fork is compared by the ids that it inherits, and has the slices of its parent', () => {
    const profile = findProfile('7.1');
    if (profile === undefined) throw new Error('there is no 7.1');
    const machine = new ArmedMachine({ vcpus: 3, profile });
    machine.run(1, 2);
    machine.register(1, V2_BYTES);
    expect(machine.idsOf(1)).toEqual([2, 2, 0, 0]);
    const parent = machine.task(1);
    parent.rseqSlice = { enabled: true, granted: false, yielded: false, expires: 0 };
    const { rseq } = machine.kernel.profile;
    const child = { ...parent, rseq: undefined, rseqIds: 0, rseqSlice: undefined, rseqEvents: 0 };
    rseq.onClone(parent, child, 0n);
    expect(child.rseqSlice).toEqual(parent.rseqSlice);
    const context = { ...machine.kernel.rseqContext(parent), task: child };
    expect(rseq.onResume(context).kind).toBe('resumed');
    expect(child.rseqIds).toBe(parent.rseqIds);
  });

  test.each([
    ['6.18', 'aborted'],
    ['6.19', 'resumed'],
  ])('of fork under %s comes back in the section: %s', (kernel, kind) => {
    const machine = makeMachine(kernel, LEGACY_BYTES);
    const parent = machine.task(1);
    const child = { ...parent, rseq: undefined, rseqEvents: 0, entry: 'syscall' as const };
    machine.kernel.profile.rseq.onClone(parent, child, 0n);
    const context = { ...machine.kernel.rseqContext(parent), task: child };
    expect(machine.kernel.profile.rseq.onResume(context).kind).toBe(kind);
    expect(machine.memory.readU32(machine.areaOf(1) + RSEQ_AREA.cpuId)).not.toBe(POISON);
    expect(machine.positionOf(1)).toBe(kind === 'aborted' ? ABORT : INSIDE);
  });
});
