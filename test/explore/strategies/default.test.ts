import { describe, expect, test } from 'vitest';
import { DefaultStrategy } from '../../../emulator/explore/strategies/default.ts';
import { type Course, drive, free, type Slice, spinningTasks, sumBy } from './driver.ts';

function make(tick: number, options: { seed?: number; escalate?: boolean } = {}) {
  const { seed = 1, escalate = true } = options;
  return new DefaultStrategy({ seed, tickInstructions: tick, escalate });
}

function mean(slices: readonly Slice[]): number {
  return slices.reduce((sum, { instructions }) => sum + instructions, 0) / slices.length;
}

function countOf({ decisions }: Course, kind: string): number {
  return decisions.filter((decision) => decision.kind === kind).length;
}

describe('slices', () => {
  test.each([1, 2, 7, 50, 200, 1000])('last %i instructions on average', (tick) => {
    const course = drive(spinningTasks(1, free(1, 3)), make(tick), 6000);
    expect(course.slices.length).toBeGreaterThan(2000);
    expect(mean(course.slices)).toBeGreaterThan(tick * 0.95);
    expect(mean(course.slices)).toBeLessThan(tick * 1.05);
    for (const { instructions } of course.slices) {
      expect(instructions).toBeGreaterThanOrEqual(1);
      expect(instructions).toBeLessThan(2 * tick);
    }
  });

  test('last as long where several vCPUs take turns', () => {
    const vcpus = 4;
    const machine = spinningTasks(vcpus, free(vcpus, 3 * vcpus));
    for (const task of machine.state.tasks) {
      const vcpu = task.id % vcpus;
      if (task.vcpu !== vcpu) machine.kernel.migrate(task.id, vcpu);
      task.affinity = 1n << BigInt(vcpu);
    }
    const { slices } = drive(machine, make(100), 30_000);
    expect(slices.length).toBeGreaterThan(2000);
    expect(mean(slices)).toBeGreaterThan(95);
    expect(mean(slices)).toBeLessThan(105);
  });

  test.each([
    [0, 1],
    [1, 1],
    [2, 2],
    [3, 4],
    [6, 32],
  ])('of a task aborted %i times in a row are %i times as long', (aborts, factor) => {
    const machine = spinningTasks(1, free(1, 2));
    for (const task of machine.state.tasks) task.abortsInRow = aborts;
    const { slices } = drive(machine, make(50), 4000);
    expect(mean(slices) / 50).toBeGreaterThan(factor * 0.95);
    expect(mean(slices) / 50).toBeLessThan(factor * 1.05);
    const bound = drive(machine, make(50, { escalate: false }), 4000).slices.slice(1);
    expect(mean(bound) / 50).toBeLessThan(1.05);
  });

  test('of one task grow, not those of the others', () => {
    const machine = spinningTasks(1, free(1, 2));
    machine.task(1).abortsInRow = 5;
    const { slices } = drive(machine, make(50), 4000);
    const [first, second] = [1, 2].map((id) => mean(slices.filter(({ task }) => task === id)));
    expect(first).toBeGreaterThan(700);
    expect(second).toBeLessThan(55);
  });
});

describe('tasks', () => {
  test.each([
    [1, 5],
    [2, 6],
    [4, 9],
    [64, 130],
  ])('on %i vCPUs, %i of them, get about the same', (vcpus, tasks) => {
    const { slices } = drive(spinningTasks(vcpus, free(vcpus, tasks)), make(50), 3000 * vcpus);
    const shares = sumBy(slices, ({ task }) => task);
    expect(shares.size).toBe(tasks);
    const all = [...shares.values()];
    expect(Math.max(...all)).toBeLessThan(3 * Math.min(...all));
  });

  test('are not left waiting for long', () => {
    const tasks = 12;
    const { slices } = drive(spinningTasks(3, free(3, tasks)), make(20), 20_000);
    for (let id = 1; id <= tasks; id++) {
      const turns = slices.flatMap(({ task }, i) => (task === id ? [i] : []));
      const gaps = turns.map((turn, i) => turn - (turns[i - 1] ?? 0));
      expect(Math.max(...gaps), `task ${id}`).toBeLessThan(tasks * 12);
    }
  });

  test('run only where their affinity allows', () => {
    const affinities = [0b0001n, 0b0010n, 0b1100n, 0b1111n, 0b0001n, 0b1000n];
    const machine = spinningTasks(4, affinities);
    machine.state.tasks.forEach((task) => {
      if (((task.affinity >> BigInt(task.vcpu)) & 1n) === 0n) task.affinity |= 1n;
    });
    const { slices } = drive(machine, make(20), 10_000);
    for (const { task, vcpu } of slices) {
      expect((machine.task(task).affinity >> BigInt(vcpu)) & 1n, `task ${task}`).toBe(1n);
    }
    expect(new Set(slices.map(({ task }) => task)).size).toBe(6);
  });
});

describe('vCPUs', () => {
  test.each([2, 3, 8, 64])('are all used, %i of them', (vcpus) => {
    const { slices } = drive(spinningTasks(vcpus, free(vcpus, vcpus * 2)), make(50), 2000 * vcpus);
    const shares = sumBy(slices, ({ vcpu }) => vcpu);
    expect(shares.size).toBe(vcpus);
    const all = [...shares.values()];
    expect(Math.max(...all)).toBeLessThan(3 * Math.min(...all));
  });

  test('that are idle pull waiting tasks over', () => {
    const { slices } = drive(spinningTasks(4, free(4, 4)), make(50), 500);
    expect(new Set(slices.map(({ vcpu }) => vcpu)).size).toBe(4);
  });

  test('exchange tasks now and then, and one vCPU has nobody to do that with', () => {
    const several = drive(spinningTasks(3, free(3, 6)), make(50), 20_000);
    const rate = countOf(several, 'migrate') / several.slices.length;
    expect(rate).toBeGreaterThan(0.02);
    expect(rate).toBeLessThan(0.2);
    const alone = drive(spinningTasks(1, free(1, 6)), make(50), 5000);
    expect(countOf(alone, 'migrate')).toBe(0);
  });

  test('run a task that is alone on and on', () => {
    const { slices, decisions } = drive(spinningTasks(2, free(2, 1)), make(50), 1000);
    expect(decisions.filter(({ kind }) => kind === 'run').length).toBeGreaterThan(800);
    expect(slices.every(({ task }) => task === 1)).toBe(true);
  });
});

test('a task that yields gives way before its slice is over', () => {
  const machine = spinningTasks(2, free(2, 6));
  const strategy = make(1000);
  drive(machine, strategy, 100);
  for (let yields = 0; yields < 50; ) {
    const [ran] = drive(machine, strategy, 1).decisions;
    if (ran?.kind !== 'run') continue;
    const { vcpu } = ran;
    const { current, queue } = machine.state.vcpus[vcpu] ?? { current: 0, queue: [] };
    if (queue.length === 0) continue;
    machine.syscall(current, 'sched_yield');
    yields++;
    while (machine.state.vcpus[vcpu]?.needResched === true) {
      const [next] = drive(machine, strategy, 1).decisions;
      expect(next).not.toMatchObject({ kind: 'run', vcpu });
      if (machine.state.vcpus[vcpu]?.current !== current) break;
    }
  }
});

test('seeds give different courses, the same seed the same one', () => {
  const courses = [1, 2, 3, 1].map((seed) => {
    const { decisions } = drive(spinningTasks(3, free(3, 7)), make(30, { seed }), 500);
    return JSON.stringify(decisions);
  });
  expect(new Set(courses).size).toBe(3);
  expect(courses[3]).toBe(courses[0]);
});
