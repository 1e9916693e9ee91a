import { beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { boot, openTestMachine } from './rig.ts';
import {
  align,
  assemble,
  BASE,
  bytes,
  exit,
  jump,
  label,
  mov,
  nop,
  type Part,
  startThread,
  systemCall,
  word,
} from './tiny-program.ts';

const SCHED_YIELD = 24;
const GETPID = 39;
const NANOSLEEP = 35;

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

const spin: readonly Part[] = [label('spin'), nop, jump('spin')];

/** A thread that makes a system call and spins, started by one that spins too. */
function twoThreads(call: readonly Part[]) {
  return assemble([
    ...startThread('thread', 'tid', 'stack'),
    ...spin,
    label('thread'),
    ...call,
    label('spin too'),
    ...systemCall(GETPID),
    jump('spin too'),
    align(4096),
    label('time'),
    word(0),
    word(100),
    label('tid'),
    word(0),
    align(64),
    label('stack'),
  ]).program;
}

function apply(...decisions: readonly Decision[]): void {
  for (const decision of decisions) expect(machine.apply(decision)).toBeUndefined();
}

const run = (vcpu: number, instructions: number): Decision => ({ kind: 'run', vcpu, instructions });
const first: Decision = { kind: 'switch', vcpu: 0, task: 1 };
/** Of startThread, in the thread that calls it and in the new one. */
const START_INSTRUCTIONS = 9;
const FIRST_INSTRUCTIONS = 2;

/** Runs the first thread until the second exists, and gives that a vCPU. */
function start(call: readonly Part[], vcpu: number): number {
  boot(machine, { program: twoThreads(call), vcpus: 2 });
  apply(first, run(0, START_INSTRUCTIONS));
  const task = machine.kernel.state.tasks[1];
  if (task === undefined) throw new Error('there is a second thread');
  if (task.vcpu !== vcpu) apply({ kind: 'migrate', task: 2, vcpu });
  if (vcpu !== 0) apply({ kind: 'switch', vcpu, task: 2 });
  return machine.counts.instructions;
}

function stateOf(task: number): string | undefined {
  return machine.kernel.state.tasks[task - 1]?.state.kind;
}

describe('a slice', () => {
  test('ends when its task gives its vCPU up', () => {
    const before = start(systemCall(NANOSLEEP, 'time', 0), 1);
    apply(run(1, 1000));
    expect(machine.counts.instructions - before).toBe(FIRST_INSTRUCTIONS + 4);
    expect(machine.kernel.state.vcpus[1]?.current).toBe(0);
  });

  test('wakes a sleeper at the very instruction at which its time comes', () => {
    start(systemCall(NANOSLEEP, 'time', 0), 1);
    apply(run(1, FIRST_INSTRUCTIONS + 4), run(0, 99));
    expect(stateOf(2)).toBe('blocked');
    apply(run(0, 1));
    const deadline = machine.kernel.state.now;
    expect(stateOf(2)).toBe('ready');
    expect(machine.kernel.nextTimer()).toBe(Number.POSITIVE_INFINITY);
    start(systemCall(NANOSLEEP, 'time', 0), 1);
    apply(run(1, FIRST_INSTRUCTIONS + 4), run(0, 1000));
    expect(stateOf(2)).toBe('ready');
    expect(machine.kernel.state.now).toBeGreaterThan(deadline);
  });

  test('ends when its task yields to another, which is no preemption', () => {
    boot(machine, { program: twoThreads(systemCall(SCHED_YIELD)), vcpus: 1 });
    apply(first, run(0, START_INSTRUCTIONS), { kind: 'switch', vcpu: 0, task: 2 });
    const { instructions, preemptions } = machine.counts;
    apply(run(0, 1000));
    expect(machine.counts.instructions - instructions).toBe(FIRST_INSTRUCTIONS + 2);
    apply({ kind: 'switch', vcpu: 0, task: 1 });
    expect(machine.counts.preemptions).toBe(preemptions);
    apply({ kind: 'switch', vcpu: 0, task: 2 });
    expect(machine.counts.preemptions).toBe(preemptions + 1);
  });

  test('of a task that yielded and runs all the same has its full length', () => {
    boot(machine, { program: twoThreads(systemCall(SCHED_YIELD)), vcpus: 1 });
    apply(first, run(0, START_INSTRUCTIONS), { kind: 'switch', vcpu: 0, task: 2 });
    apply(run(0, 1000));
    const { instructions } = machine.counts;
    apply(run(0, 50));
    expect(machine.counts.instructions - instructions).toBe(50);
  });

  test('counts each instruction once, system calls and those that we execute included', () => {
    const cpuid = bytes(0x0f, 0xa2);
    const rdtsc = bytes(0x0f, 0x31);
    const { program } = assemble([nop, cpuid, rdtsc, ...systemCall(GETPID), nop, ...exit(0)]);
    boot(machine, { program, vcpus: 1 });
    apply(first);
    for (let i = 1; i <= 6; i++) {
      apply(run(0, 1));
      expect(machine.counts.instructions).toBe(i);
      expect(machine.kernel.state.now).toBe(i);
    }
    expect(machine.kernel.host.registers(1).instructionPointer).toBe(BASE + 1 + 2 + 2 + 12 + 1);
  });

  test('may end right before a system call, and then begins with it', () => {
    boot(machine, {
      program: assemble([mov('rax', GETPID), ...systemCall(GETPID), ...exit(0)]).program,
    });
    apply(first, run(0, 2));
    expect(machine.kernel.host.registers(1).read('rax')).toBe(39n);
    apply(run(0, 1));
    expect(machine.kernel.host.registers(1).read('rax')).toBe(100n);
  });
});

test('a system call leaves the return address in rcx and the flags in r11, and the rest alone', () => {
  const compare = bytes(0x48, 0x39, 0xc0);
  const { program } = assemble([
    mov('rbx', 5),
    mov('rax', GETPID),
    compare,
    bytes(0x0f, 0x05),
    nop,
  ]);
  boot(machine, { program });
  apply(first, run(0, 3));
  const registers = machine.kernel.host.registers(1);
  const flags = registers.read('rflags');
  apply(run(0, 1));
  expect(registers.read('rcx')).toBe(BigInt(registers.instructionPointer));
  expect(registers.instructionPointer).toBe(BASE + 25);
  expect(registers.read('r11')).toBe(flags);
  expect(flags & 0x40n).toBe(0x40n);
  expect(registers.read('rbx')).toBe(5n);
});
