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
] as const;

const step = fc.record({
  kind: fc.constantFrom(...KINDS),
  task: fc.nat(TASKS_MAX - 1),
  vcpu: fc.nat(VCPUS - 1),
  value: fc.integer({ min: 0, max: 2 ** VCPUS - 1 }),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Carries a step out if it is possible now. */
function carryOut(machine: TestMachine, { kind, task: drawn, vcpu, value }: Step): void {
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
    case 'time':
      if (Number.isFinite(kernel.nextTimer())) machine.passTime();
      return;
    default:
      if (task.state.kind === 'running') callAs(machine, task, kind, value);
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
      machine.block('nanosleep', [TIMESPEC, 0], id);
      return;
    case 'affinity': {
      const other = machine.state.tasks[value % machine.state.tasks.length];
      machine.memory.writeU64(MASK, BigInt(value));
      machine.syscall(id, 'sched_setaffinity', [other?.tid ?? 0, 8, MASK]);
      return;
    }
    case 'wait':
      machine.block('futex', [WORD, 0, 0, 0], id);
      return;
    case 'wake':
      machine.call('futex', [WORD, 1, value], id);
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
    for (const one of list) {
      if (machine.state.tasks.every((task) => task.state.kind === 'dead')) break;
      carryOut(machine, one);
      expectConsistent(machine.state);
      operations++;
    }
  });
  fc.assert(property, { numRuns: isFullRun ? 3000 : 150, seed: 1 });
  expect(operations).toBeGreaterThan(2000);
});
