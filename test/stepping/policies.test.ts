import { beforeAll, describe, expect, test } from 'vitest';
import { describedSections } from '../../emulator/loader/rseq-exit-points.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { StepPolicyKind } from '../../emulator/stepping/policy.ts';
import { STEP_POLICIES, type StepPolicyName } from '../../emulator/stepping/registry.ts';
import { readSkipTable } from '../../emulator/stepping/skip-table.ts';
import { endingOf, guest, openTestMachine } from '../machine/rig.ts';
import { type SteppedRun, stepThrough } from './rig.ts';

const INCREMENTS = 5;
const counter = guest('counter.bin', '1', String(INCREMENTS));
const list = guest('list.bin', '1', '2');
/** The only thread that counts. */
const TASK = 2;

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

function step(name: StepPolicyName, run: Partial<SteppedRun> = {}) {
  const kind: StepPolicyKind = STEP_POLICIES[name];
  return stepThrough(machine, { program: counter, task: TASK, ...run, kind });
}

/** Steps with any of these marks. */
function marked(steps: ReturnType<typeof step>['steps'], ...kinds: readonly string[]) {
  return steps.filter(({ marks }) => kinds.every((kind) => marks.some((m) => m.kind === kind)));
}

describe('a per-CPU counter under linux-6.18, stepped', () => {
  test('native: is aborted at each stop inside, for ever', () => {
    const { outcome, steps } = step('native');
    expect(outcome).toMatchObject({ kind: 'livelock', task: TASK });
    expect(machine.sections.counts).toMatchObject({ committed: 0, aborted: 10_000 });
    expect(marked(steps, 'entered', 'aborted')).toHaveLength(10_000);
  });

  test('transparent: shows each instruction of each section', () => {
    const { outcome, steps } = step('transparent');
    expect(outcome).toEqual({ kind: 'exit', status: 0 });
    expect(machine.sections.counts).toEqual({
      entered: INCREMENTS,
      committed: INCREMENTS,
      aborted: 0,
      exited: 0,
    });
    expect(steps.every(({ instructions }) => instructions === 1)).toBe(true);
    expect(marked(steps, 'committed')).toHaveLength(INCREMENTS);
  });

  test.each(['whole-section', 'key', 'll-sc'] as const)('%s: a section is one step', (name) => {
    const { outcome, steps } = step(name);
    expect(outcome).toEqual({ kind: 'exit', status: 0 });
    expect(machine.sections.counts).toMatchObject({ committed: INCREMENTS, aborted: 0 });
    const sections = marked(steps, 'entered', 'committed');
    expect(sections).toHaveLength(INCREMENTS);
    // The arming store, the comparison with its branch, load, add and store.
    expect(new Set(sections.map(({ instructions }) => instructions))).toEqual(new Set([6]));
  });

  test('key-after-loop: the first attempt is stepped and lost, the second one skipped', () => {
    const { outcome, steps } = step('key-after-loop');
    expect(outcome).toEqual({ kind: 'exit', status: 0 });
    expect(machine.sections.counts).toMatchObject({ committed: INCREMENTS, aborted: INCREMENTS });
    const ends = steps.flatMap(({ marks }) => marks.filter(({ kind }) => kind !== 'entered'));
    const expected = new Array(INCREMENTS).fill(['aborted', 'committed']).flat();
    expect(ends.map(({ kind }) => kind)).toEqual(expected);
  });
});

describe('a lock that is held by another now and then, by the exits that its tables list,', () => {
  const lock = guest('spinlock.bin', '3', '4');
  const { sections } = describedSections(lock.image);
  const listed = new Set(sections.flatMap(({ exits }) => exits));
  const aborts = sections.map(({ abort }) => abort);
  /** Steps in which a section was left by a way of its own. */
  const exitedIn = (name: StepPolicyName, run: Partial<SteppedRun> = {}) => {
    const { outcome, steps } = step(name, {
      program: lock,
      others: 'run',
      vcpus: 1,
      tick: 15,
      ...run,
    });
    expect(outcome).toEqual({ kind: 'exit', status: 0 });
    return marked(steps, 'exited');
  };

  test('an attempt is over at each of them, and goes on at the abort handler', () => {
    const table = readSkipTable(lock.image).sections;
    expect(new Set(table.flatMap(({ exits }) => [...exits]))).toEqual(
      new Set([...listed, ...aborts, ...sections.map(({ postCommit }) => postCommit)]),
    );
    const ends = new Set(table.flatMap((each) => [...each.ends]));
    for (const exit of listed) expect(ends).toContain(exit);
    for (const abort of aborts) expect(ends).not.toContain(abort);
  });

  test.each(['key', 'key-after-loop'] as const)('%s stops at such an exit', (name) => {
    expect(listed.size).toBeGreaterThan(0);
    const exited = [1, 2, 3, 4].flatMap((seed) => exitedIn(name, { seed }));
    expect(exited.length).toBeGreaterThan(0);
    expect(exited.filter(({ to }) => listed.has(to)).length).toBeGreaterThan(0);
    // A comparison that fails inside the section leaves it for the abort handler.
    for (const { to } of exited) expect([...listed, ...aborts]).toContain(to);
  });
});

describe.each(['whole-section', 'key', 'key-after-loop', 'll-sc', 'transparent'] as const)(
  'a list, stepped %s while the others run,',
  (name) => {
    test.each([1, 2, 3])('loses nothing (seed %i)', (seed) => {
      const program = guest('list.bin', '3', '3');
      const { outcome } = step(name, { program, seed, others: 'run', tick: 20 });
      expect(outcome).toEqual({ kind: 'exit', status: 0 });
    });
  },
);

describe('a session', () => {
  test('holds the other tasks unless told otherwise', () => {
    const program = guest('counter.bin', '3', '40');
    const runsOfOthers = (others: 'hold' | 'run') => {
      step('whole-section', { program, others, maxSteps: 300 });
      const decisions = endingOf(machine).decisions;
      const first = decisions.findIndex((d) => d.kind === 'run' && d.instructions === 1);
      return decisions.slice(first, first + 300).filter((d) => d.kind === 'run' && d.vcpu === 1);
    };
    expect(runsOfOthers('hold')).toEqual([]);
    expect(runsOfOthers('run')).not.toEqual([]);
  });

  test('begins where it is told to, and ends after so many steps', () => {
    const from = counter.image.symbols.find('count_up');
    if (from === undefined) throw new Error('the guest has count_up');
    const { outcome, steps } = step('native', { from, maxSteps: 7 });
    expect(outcome).toEqual({ kind: 'exit', status: 0 });
    expect(steps).toHaveLength(7);
    expect(steps[0]?.from).toBe(from);
  });

  test('lets the others run while the stepped task is blocked', () => {
    const { outcome, steps } = step('transparent', { program: list, task: 1 });
    expect(outcome).toEqual({ kind: 'exit', status: 0 });
    expect(steps.length).toBeGreaterThan(100);
  });

  test('of a task that never comes steps nothing', () => {
    expect(step('native', { task: 9 })).toMatchObject({
      outcome: { kind: 'exit', status: 0 },
      steps: [],
    });
  });
});
