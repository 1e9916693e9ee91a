import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAllowed } from '../../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import { isFullRun } from '../../support/matrix.ts';
import { TestMachine } from '../harness.ts';
import { expectConsistent } from './invariants.ts';

const VCPUS = 4;
const TASKS_MAX = 10;
const WORD = 0x1000_0000;
const TIMESPEC = WORD + 0x100;
const MASK = WORD + 0x200;
const ACTION = WORD + 0x300;
const SET = WORD + 0x400;
const STACK_POINTER = WORD + 0xf00;
const SA_RESTORER = 0x400_0000n;
/** SIGUSR1, SIGTERM, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP and a queued one, and two that kill. */
const SIGNALS = [10, 15, 17, 18, 19, 20, 40, 9, 11];

const KINDS = [
  'switch',
  'switch',
  'migrate',
  'fence',
  'clone',
  'yield',
  'sleep',
  'affinity',
  'wait',
  'wake',
  'exit',
  'time',
  'fork',
  'vfork',
  'collect',
  'action',
  'mask',
  'suspend',
  'kill',
  'kill',
  'signal',
  'signal',
  'return',
] as const;

const step = fc.record({
  kind: fc.constantFrom(...KINDS),
  task: fc.nat(TASKS_MAX - 1),
  vcpu: fc.nat(VCPUS - 1),
  value: fc.integer({ min: 0, max: 2 ** VCPUS - 1 }),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Carries a step out if it is possible now. */
function carryOut(machine: TestMachine, step: Step): void {
  const { kind, task: drawn, vcpu, value } = step;
  const { kernel, state } = machine;
  const task = state.tasks[drawn % state.tasks.length];
  if (task === undefined) return;
  switch (kind) {
    case 'switch': {
      const { current, queue } = state.vcpus[vcpu] ?? { current: 0, queue: [] };
      const candidates = [...queue, ...(current === 0 ? [] : [current])];
      const chosen = candidates[value % Math.max(1, candidates.length)];
      if (chosen !== undefined) kernel.switchTo(vcpu, chosen);
      return;
    }
    case 'migrate': {
      const isRunnable = task.state.kind === 'ready' || task.state.kind === 'running';
      const isPossible = isRunnable && task.vcpu !== vcpu && isAllowed(task.affinity, vcpu);
      if (isPossible) kernel.migrate(task.id, vcpu);
      return;
    }
    case 'fence':
      kernel.fence(vcpu);
      return;
    case 'signal':
      if (task.state.kind !== 'dead') kernel.signal(task.id, signalOf(value));
      return;
    case 'time':
      if (Number.isFinite(kernel.nextTimer())) machine.passTime();
      return;
    default:
      if (task.state.kind === 'running') callWithSignals(machine, task, step);
  }
}

/** Signals that stop or kill come less often than the others. */
function signalOf(value: number): number {
  return SIGNALS[value % SIGNALS.length] ?? 10;
}

/** Calls that any signal may come of: they return, wait, stop the caller or end it. */
function callWithSignals(machine: TestMachine, task: Task, step: Step): void {
  const { id } = task;
  const { kind, value, vcpu } = step;
  const target = machine.state.tasks[vcpu % machine.state.tasks.length];
  switch (kind) {
    case 'fork':
    case 'vfork':
      if (machine.state.tasks.length < TASKS_MAX) machine.syscall(id, kind);
      return;
    case 'collect':
      machine.syscall(id, 'wait4', [-1, 0, value & 1]);
      return;
    case 'action': {
      const memory = machine.kernel.memoryOf(machine.kernel.processOf(task));
      memory.writeU64(ACTION, BigInt(value < 3 ? value : 0x40_0000));
      memory.writeU64(ACTION + 8, SA_RESTORER);
      machine.syscall(id, 'rt_sigaction', [signalOf(vcpu), ACTION, 0, 8]);
      return;
    }
    case 'mask':
    case 'suspend': {
      const memory = machine.kernel.memoryOf(machine.kernel.processOf(task));
      memory.writeU64(SET, BigInt(value) << 8n);
      if (kind === 'mask') machine.syscall(id, 'rt_sigprocmask', [2, SET, 0, 8]);
      else machine.syscall(id, 'rt_sigsuspend', [SET, 8]);
      return;
    }
    case 'kill':
      machine.syscall(id, 'tkill', [target?.tid ?? 0, signalOf(value)]);
      return;
    case 'return':
      machine.syscall(id, 'rt_sigreturn');
      return;
    default:
      callAs(machine, task, kind, value);
  }
}

function callAs(machine: TestMachine, task: Task, kind: Step['kind'], value: number): void {
  const { id } = task;
  switch (kind) {
    case 'clone':
      if (machine.state.tasks.length < TASKS_MAX) machine.call('clone', [0x5_0f00], id);
      return;
    case 'yield':
      machine.call('sched_yield', [], id);
      return;
    case 'sleep':
      machine.memory.writeU64(TIMESPEC + 8, BigInt(value * 10));
      machine.syscall(id, 'nanosleep', [TIMESPEC, 0]);
      return;
    case 'affinity': {
      const other = machine.state.tasks[value % machine.state.tasks.length];
      machine.memory.writeU64(MASK, BigInt(value));
      machine.syscall(id, 'sched_setaffinity', [other?.tid ?? 0, 8, MASK]);
      return;
    }
    case 'wait':
      machine.syscall(id, 'futex', [WORD, 0, 0, 0]);
      return;
    case 'wake':
      machine.syscall(id, 'futex', [WORD, 1, value]);
      return;
    case 'exit':
      machine.syscall(id, 'exit', [value]);
      return;
    default:
      return;
  }
}

test('queues, vCPUs and tasks agree after any operations', () => {
  const steps = fc.array(step, { maxLength: 120, size: 'max' });
  const choices = fc.infiniteStream(fc.nat());
  let operations = 0;
  const property = fc.property(steps, choices, (list, stream) => {
    const machine = new TestMachine({
      vcpus: VCPUS,
      choose: ({ candidates }) => Number(stream.next().value) % candidates.length,
    });
    machine.registers(1).write('rsp', BigInt(STACK_POINTER));
    for (const one of list) {
      if (machine.state.tasks.every((task) => task.state.kind === 'dead')) break;
      carryOut(machine, one);
      expectConsistent(machine.state);
      operations++;
    }
  });
  fc.assert(property, { numRuns: isFullRun ? 1000 : 150, seed: 1 });
  expect(operations).toBeGreaterThan(2000);
});
