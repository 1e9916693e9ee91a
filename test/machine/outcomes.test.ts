import { beforeAll, describe, expect, test } from 'vitest';
import { ReplayStrategy } from '../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { exitStatusOf, isPass, type Outcome } from '../../emulator/machine/outcome.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { boot, endingOf, guest, openTestMachine, runToEnd, type TestRun } from './rig.ts';
import {
  align,
  assemble,
  BASE,
  bytes,
  decrementRbx,
  exit,
  join,
  jump,
  jumpIfNotZero,
  label,
  load,
  mov,
  nop,
  type Part,
  raxToRdi,
  startThread,
  store,
  syscall,
  systemCall,
  word,
} from './tiny-program.ts';

const SIGILL = 4;
const SIGTRAP = 5;
const SIGFPE = 8;
const SIGSEGV = 11;

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

/** How a program of these parts ends that runs alone on one vCPU. */
function outcomeOf(parts: readonly Part[], run: Partial<TestRun> = {}): Outcome | undefined {
  return runToEnd(machine, { program: assemble(parts).program, vcpus: 1, ...run }).outcome;
}

/** One instruction behind a nop, so that addresses of the two differ. */
function behindNop(...instruction: readonly number[]): Part[] {
  return [nop, bytes(...instruction)];
}

const AT_INSTRUCTION = BASE + 1;

describe('forward progress', () => {
  const program = guest('counter.bin', '3', '10');

  test('a tick shorter than a section is a livelock, unless slices may grow', () => {
    const run = { program, tick: 3, vcpus: 1, escalate: false };
    const { outcome, sections } = runToEnd(machine, run);
    expect(outcome).toMatchObject({ kind: 'livelock' });
    expect(exitStatusOf(outcome ?? { kind: 'exit', status: 0 })).toBe(123);
    expect(sections.aborted).toBeGreaterThanOrEqual(10_000);
  });

  test('the livelock names the section and the task that is stuck in it', () => {
    const { outcome } = runToEnd(machine, { program, tick: 3, vcpus: 1, escalate: false });
    if (outcome?.kind !== 'livelock') throw new Error('a livelock');
    const stuck = machine.kernel.state.tasks[outcome.task - 1];
    expect(stuck?.abortsInRow).toBe(10_000);
    const inSection = [...machine.sections.abortsAt.keys()].filter(
      (address) => address >= outcome.section && address < outcome.section + 64,
    );
    expect(inSection.length).toBeGreaterThan(0);
  });

  test.each([1, 2, 3])('slices grow until sections commit, at tick %i', (tick) => {
    for (const vcpus of [1, 2]) {
      const { outcome, sections } = runToEnd(machine, { program, tick, vcpus });
      expect(outcome).toEqual({ kind: 'exit', status: 0 });
      expect(sections.committed).toBe(30);
    }
  });

  test('no slice grows where none must', () => {
    const run = { program, tick: 50, vcpus: 1 };
    const [free, bound] = [true, false].map((escalate) => runToEnd(machine, { ...run, escalate }));
    expect(free).toEqual(bound);
  });
});

describe('the budget', () => {
  const spin = [label('loop'), jump('loop')];

  test.each([1, 7, 1000])('of %i instructions is spent exactly', (maxInstructions) => {
    expect(outcomeOf(spin, { maxInstructions })).toEqual({
      kind: 'budget',
      instructions: maxInstructions,
    });
    expect(machine.counts.instructions).toBe(maxInstructions);
    expect(machine.kernel.state.now).toBe(maxInstructions);
  });

  test('that is just enough is not exceeded', () => {
    const parts = exit(3);
    expect(outcomeOf(parts, { maxInstructions: 3 })).toEqual({ kind: 'exit', status: 3 });
    expect(outcomeOf(parts, { maxInstructions: 2 })).toMatchObject({ kind: 'budget' });
  });
});

describe('a deadlock', () => {
  const waiting = [
    ...systemCall(202, 'word', 0, 0, 0),
    ...exit(0),
    align(4096),
    label('word'),
    word(0),
  ];

  test('is that no task can run and no timer will wake one', () => {
    const { labels, program } = assemble(waiting);
    const { outcome } = runToEnd(machine, { program });
    const waitsFor = `the futex at 0x${labels.get('word')?.toString(16)}`;
    expect(outcome).toEqual({ kind: 'deadlock', blocked: [{ task: 1, waitsFor }] });
  });

  test('is none while a timer runs: time jumps to it', () => {
    const parts = [
      ...systemCall(35, 'time', 0),
      ...exit(0),
      align(4096),
      label('time'),
      word(2),
      word(5),
    ];
    expect(outcomeOf(parts)).toEqual({ kind: 'exit', status: 0 });
    expect(machine.kernel.state.now).toBeGreaterThan(2_000_000_005);
    expect(machine.counts.instructions).toBe(7);
  });

  test.each([0, 1, 3])('is none after sleeps of %i ns while another thread runs', (nanoseconds) => {
    const { program } = assemble([
      ...startThread('sleeper', 'tid', 'stack'),
      mov('rbx', 20),
      label('loop'),
      decrementRbx,
      jumpIfNotZero('loop'),
      ...join('tid', 'sleeper'),
      ...exit(0),
      label('sleeper'),
      ...systemCall(35, 'time', 0),
      ...systemCall(35, 'time', 0),
      ...systemCall(60, 0),
      align(4096),
      label('time'),
      word(0),
      word(nanoseconds),
      label('tid'),
      word(0),
      align(64),
      label('stack'),
    ]);
    for (let seed = 1; seed <= 10; seed++) {
      const { outcome } = runToEnd(machine, { program, seed, tick: 1 + (seed % 4) });
      expect(outcome).toEqual({ kind: 'exit', status: 0 });
    }
  });
});

describe('a signal', () => {
  const fatal: readonly (readonly [string, readonly Part[], number, number])[] = [
    ['a read of nothing', [nop, load(0)], SIGSEGV, AT_INSTRUCTION],
    ['a write to nothing', [nop, store(0x1234)], SIGSEGV, AT_INSTRUCTION],
    ['an address that is not canonical', [nop, load(2n ** 63n)], SIGSEGV, AT_INSTRUCTION],
    ['a kernel address', [nop, load(0xffff_ffff_8000_0000n)], SIGSEGV, AT_INSTRUCTION],
    ['a jump to nowhere', [mov('rax', 0x10), bytes(0xff, 0xe0)], SIGSEGV, 0x10],
    ['ud2', behindNop(0x0f, 0x0b), SIGILL, AT_INSTRUCTION],
    ['hlt', behindNop(0xf4), SIGSEGV, AT_INSTRUCTION],
    ['cli', behindNop(0xfa), SIGSEGV, AT_INSTRUCTION],
    ['a division by zero', behindNop(0x48, 0xf7, 0xf1), SIGFPE, AT_INSTRUCTION],
    ['a breakpoint', behindNop(0xcc), SIGTRAP, AT_INSTRUCTION + 1],
  ];

  test.each(fatal)('ends a program after %s, and says where', (_, parts, signal, address) => {
    const outcome = outcomeOf([...parts, ...exit(0)]);
    expect(outcome).toEqual({ kind: 'signal', signal, task: 1, address, reason: '' });
    expect(exitStatusOf(outcome ?? { kind: 'exit', status: 0 })).toBe(128 + signal);
  });

  test('that rseq forces says what was malformed, and no other signal does', () => {
    const program = assemble([
      ...systemCall(334, 'area', 32, 0, 0x5305_3053),
      mov('rax', 1),
      store('cell'),
      nop,
      load(0),
      align(4096),
      label('area'),
      word(0),
      label('cell'),
      word(0),
      word(0),
      word(0),
    ]).program;
    boot(machine, { program, vcpus: 1 });
    machine.apply({ kind: 'switch', vcpu: 0, task: 1 });
    machine.apply({ kind: 'run', vcpu: 0, instructions: 8 });
    const snapshot = machine.snapshot();
    machine.apply({ kind: 'switch', vcpu: 0, task: 1 });
    const rejected = machine.outcome;
    expect(rejected).toMatchObject({ kind: 'signal', signal: SIGSEGV });
    if (rejected?.kind !== 'signal') throw new Error('a signal');
    expect(rejected.reason).toMatch(/^rseq of task 1: the descriptor is not readable$/);
    machine.restore(snapshot);
    machine.apply({ kind: 'run', vcpu: 0, instructions: 10 });
    expect(machine.outcome).toMatchObject({ kind: 'signal', signal: SIGSEGV, reason: '' });
  });
});

describe('what we cannot do', () => {
  test('is a system call that the kernel has and the model has not', () => {
    const outcome = outcomeOf(systemCall(59));
    expect(outcome).toEqual({
      kind: 'unsupported',
      what: 'system call execve (59)',
      address: BASE + 10,
    });
    expect(outcome && exitStatusOf(outcome)).toBe(125);
  });

  test('is not one that the kernel does not know either', () => {
    const negated = bytes(0x48, 0xf7, 0xd8);
    const parts = [...systemCall(5000), negated, raxToRdi, mov('rax', 231), syscall];
    expect(outcomeOf(parts)).toEqual({ kind: 'exit', status: 38 });
  });

  test.each([
    ['vpaddd', [0xc5, 0xf1, 0xfe, 0xc2]],
    ['xsave', [0x0f, 0xae, 0x20]],
    ['int', [0xcd, 0x80]],
  ])('is the instruction %s, by name and address', (name, instruction) => {
    expect(outcomeOf(behindNop(...instruction))).toEqual({
      kind: 'unsupported',
      what: expect.stringContaining(name),
      address: AT_INSTRUCTION,
    });
  });

  test('is not an instruction that is never reached', () => {
    expect(outcomeOf([...exit(0), bytes(0xc5, 0xf1, 0xfe, 0xc2)])).toEqual({
      kind: 'exit',
      status: 0,
    });
  });

  test('is memory beyond the limit, or beyond RAM', async () => {
    const pages = 2048;
    const touch = (instruction: Part) => [
      ...systemCall(9, 0x1000_0000, pages * 4096 * 512, 3, 0x4032, -1, 0),
      mov('rbx', 0x1000_0000),
      label('loop'),
      instruction,
      bytes(0x48, 0x81, 0xc3, 0, 0x10, 0, 0),
      jump('loop'),
    ];
    const small = await openTestMachine(16 << 20);
    const read = { program: assemble(touch(bytes(0x48, 0x8b, 0x03))).program };
    expect(runToEnd(small, read).outcome).toMatchObject({
      kind: 'unsupported',
      what: 'guest RAM of 4096 pages is used up',
    });
    const written = { program: assemble(touch(bytes(0x48, 0x89, 0x03))).program };
    expect(runToEnd(machine, written).outcome).toMatchObject({
      kind: 'unsupported',
      what: expect.stringMatching(/^more than 8192 pages of memory/),
    });
    expect(runToEnd(small, { program: guest('counter.bin', '2', '2') }).outcome).toEqual({
      kind: 'exit',
      status: 0,
    });
  });
});

describe('a decision that does not fit', () => {
  const program = guest('counter.bin', '2', '5');
  const started: readonly Decision[] = [
    { kind: 'switch', vcpu: 0, task: 1 },
    { kind: 'run', vcpu: 0, instructions: 10 },
  ];

  test.each<readonly [Decision, string]>([
    [{ kind: 'run', vcpu: 1, instructions: 1 }, 'the vCPU is idle'],
    [{ kind: 'run', vcpu: 2, instructions: 1 }, 'no such vCPU'],
    [{ kind: 'run', vcpu: 0, instructions: 0 }, 'a slice is at least one instruction'],
    [{ kind: 'run', vcpu: 0, instructions: Number.NaN }, 'a slice is at least one instruction'],
    [{ kind: 'switch', vcpu: 0, task: 2 }, 'task 2 is not ready on that vCPU'],
    [{ kind: 'switch', vcpu: 1, task: 1 }, 'task 1 is not ready on that vCPU'],
    [{ kind: 'switch', vcpu: 1, task: 0 }, 'task 0 is not ready on that vCPU'],
    [{ kind: 'switch', vcpu: 9, task: 1 }, 'no such vCPU'],
    [{ kind: 'migrate', task: 1, vcpu: 0 }, 'the task is on that vCPU already'],
    [{ kind: 'migrate', task: 1, vcpu: 9 }, 'no such vCPU'],
    [{ kind: 'migrate', task: 0, vcpu: 1 }, 'the task cannot run'],
    [{ kind: 'migrate', task: 7, vcpu: 1 }, 'the task cannot run'],
    [{ kind: 'fence', vcpu: 2 }, 'no such vCPU'],
    [{ kind: 'place', task: 1, vcpu: 0 }, 'it answers no question'],
    [{ kind: 'wake', task: 1 }, 'it answers no question'],
    [{ kind: 'signal', task: 9, signal: 9 }, 'there is no such task'],
    [{ kind: 'signal', task: 1, signal: 65 }, 'there is no such signal'],
    [{ kind: 'flush', vcpu: 0 }, 'store buffers are not modelled'],
  ])('%j is a divergence: %s', (decision, why) => {
    const strategy = new ReplayStrategy([...started, decision]);
    const { outcome, decisions } = runToEnd(machine, { program, strategy });
    expect(outcome).toEqual({ kind: 'diverged', detail: expect.stringContaining(why) });
    expect(decisions).toEqual(started);
    expect(outcome && exitStatusOf(outcome)).toBe(125);
  });

  test('may be one that answers a question while all are idle', () => {
    const sleeping = assemble([
      ...startThread('sleeper', 'tid', 'stack'),
      load('tid'),
      raxToRdi,
      mov('rsi', 8),
      mov('rdx', 'mask'),
      mov('rax', 203),
      syscall,
      ...join('tid', 'sleeper'),
      ...exit(0),
      label('sleeper'),
      ...systemCall(35, 'time', 0),
      ...systemCall(60, 0),
      align(4096),
      label('time'),
      word(0),
      word(100_000),
      label('tid'),
      word(0),
      label('mask'),
      word(0b1100),
      align(64),
      label('stack'),
    ]);
    const run = { program: sleeping.program, vcpus: 4, tick: 5 };
    const answersLate = (seed: number) => {
      const { decisions } = runToEnd(machine, { ...run, seed });
      return decisions.findLastIndex(({ kind }) => kind === 'place') > 10;
    };
    const seed = [1, 2, 3, 4, 5, 6, 7, 8].find(answersLate) ?? 0;
    const { decisions } = runToEnd(machine, { ...run, seed });
    const late = decisions.findLastIndex(({ kind }) => kind === 'place');
    const strategy = new ReplayStrategy(decisions.toSpliced(late, 1));
    expect(runToEnd(machine, { ...run, seed, strategy }).outcome).toEqual({
      kind: 'diverged',
      detail: expect.stringContaining('does not answer the question place'),
    });
  });

  test('is refused by apply, which changes nothing', () => {
    boot(machine, { program });
    const before = endingOf(machine);
    expect(() => machine.apply({ kind: 'run', vcpu: 0, instructions: 1 })).toThrow(/idle/);
    expect(endingOf(machine)).toEqual(before);
  });
});

test('only an exit with status 0 is a pass', () => {
  const outcomes: readonly Outcome[] = [
    { kind: 'exit', status: 0 },
    { kind: 'exit', status: 1 },
    { kind: 'signal', signal: 11, task: 1, address: 0, reason: '' },
    { kind: 'deadlock', blocked: [] },
    { kind: 'livelock', task: 1, section: 0 },
    { kind: 'budget', instructions: 1 },
    { kind: 'unsupported', what: '', address: 0 },
    { kind: 'diverged', detail: '' },
  ];
  expect(outcomes.filter(isPass)).toEqual([{ kind: 'exit', status: 0 }]);
  expect(outcomes.map(exitStatusOf)).toEqual([0, 1, 139, 123, 123, 124, 125, 125]);
});
