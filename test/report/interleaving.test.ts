import { beforeAll, expect, test } from 'vitest';
import { explainFailure } from '../../emulator/explore/failure/explain.ts';
import { minimise } from '../../emulator/explore/failure/minimise.ts';
import type { SearchBounds } from '../../emulator/explore/search/bounds.ts';
import { Explorer } from '../../emulator/explore/search/explorer.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import {
  type ExplainedFailure,
  formatFailure,
  reportFailure,
} from '../../emulator/report/failure-report.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';
import { searchAll, TEST_BOUNDS } from '../explore/failure/searched.ts';
import { guest, openTestMachine } from '../machine/rig.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

/** A counter that counts twice when it is interrupted between its commit and the end of its section. */
const { image } = guest('bugs/s2-end-late.bin');

function explained(
  vcpus: number,
  program = image,
  bounds: Partial<SearchBounds> = {},
): ExplainedFailure {
  const searched = {
    program: { image: program, args: [], env: [] },
    ...{ profile: LINUX_6_18, vcpus, seed: 1 },
  };
  const open = () => new Explorer(machine, searched, { ...TEST_BOUNDS, ...bounds });
  const { failure } = searchAll(open()).tally;
  if (failure === undefined) throw new Error('the guest fails');
  const minimal = minimise(failure, vcpus, open, { plays: 500, isOver: () => false });
  if (minimal === undefined) throw new Error('its interruptions make it fail');
  const explanation = explainFailure(machine, searched, open(), minimal.play, () => false);
  const { play: run, plays, isComplete } = minimal;
  return {
    run,
    cpus: vcpus,
    minimised: { plays, isComplete },
    explanation,
    scheduleFile: 'f.json',
  };
}

test('the text shows the section, the abort and the commit, within 80 columns', () => {
  const lines = formatFailure(explained(1), image, { width: 80 });
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(90);
  const at = (pattern: RegExp): number => lines.findIndex((line) => pattern.test(line));
  const order = [
    /^failure: exit status 1, on one vCPU$/,
    /^ {4}s2-end-late: 3, expected 2$/,
    /^1 interruption \(none can be left out\):$/,
    /^ {4}task [23] @ work\+0x42: spurious reschedule$/,
    /^ {2}task [23]$/,
    /^ \|work\+0x3f +mov %rax,\(%rdx\)$/,
    /^--- task [23] @ work\+0x42: spurious reschedule -+$/,
    /^ {2}\+-> aborted, to /,
    /^ {2}0x4006bf +jmp /,
    /^nearest schedule that passes: the interruption comes 1 instruction of task [23] earlier$/,
    /^look at: work\+0x42: the task may not be interrupted before it$/,
    /^replay: npx rseq-testbed replay f\.json$/,
  ].map(at);
  expect(order, lines.join('\n')).not.toContain(-1);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
});

test('source lines stand above the instructions that they begin', () => {
  const sourceLine = (address: number) => (address % 2 === 0 ? 'work.c:7' : 'work.c:8');
  const lines = formatFailure(explained(1), image, { width: 80, sourceLine });
  expect(lines).toContain('  work.c:7:');
  expect(lines.join('\n')).not.toMatch(/(work\.c:\d:)\n *\1/);
  expect(lines.at(-2)).toMatch(/^look at: work\+0x42 \(work\.c:[78]\): /);
});

test('the JSON form names the instruction by symbol and offset', () => {
  const report = reportFailure(explained(1), image, { width: 80 });
  expect(report).toMatchObject({
    outcome: { kind: 'exit', status: 1 },
    endless: false,
    cpus: 1,
    interruptions: [expect.stringMatching(/^task \d @ work\+0x42: spurious reschedule$/)],
    output: 's2-end-late: 3, expected 2\n',
    scheduleFile: 'f.json',
    instruction: { symbol: 'work', offset: 0x42, why: 'interrupted here' },
  });
});

/** The text about a seeded bug, from the list of interruptions on. */
function textOf(bug: string, bounds: Partial<SearchBounds> = {}): string[] {
  const program = guest(`bugs/${bug}.bin`).image;
  const lines = formatFailure(explained(1, program, bounds), program, { width: 80 });
  return lines.slice(lines.findIndex((line) => /interruption/.test(line)));
}

test('an abort is shown wherever it comes, and the instruction to look at first', () => {
  const lines = textOf('s4-no-rearm', { preemptions: 2, entries: 2 });
  const at = lines.findIndex((line) => /^\[\d\] {4}\+-> aborted, to faulty$/.test(line));
  expect(at, lines.join('\n')).toBeGreaterThan(0);
  expect(lines[at + 1]).toMatch(/^\[\d\] {2}> faulty +jmp /);
  expect(lines).toContain('| inside an armed section   > to look at first');
});

test('an interruption that ends the run is shown', () => {
  const lines = textOf('s10-signature');
  const at = lines.findIndex((line) =>
    /^--- task 2 @ work\+0x2a: spurious reschedule -+$/.test(line),
  );
  expect(at, lines.join('\n')).toBeGreaterThan(0);
  expect(lines[at - 1]).toMatch(/^ {2}work\+0x21 +mov %rax,%fs:0x28$/);
  expect(lines[at + 1]).toBe('| inside an armed section');
});

test('of a run that has no end, only what matters', () => {
  const lines = textOf('s16-livelock');
  expect(lines.length, lines.slice(0, 60).join('\n')).toBeLessThan(30);
  expect(lines).toContainEqual(expect.stringMatching(/^>\|work\+0x40 +syscall$/));
  expect(lines.filter((line) => line.includes('aborted')).length).toBeLessThan(3);
  const [, count] = /(\d+) instructions of tasks 2, 3$/m.exec(lines.join('\n')) ?? [];
  expect(Number(count)).toBeLessThanOrEqual(TEST_BOUNDS.instructions);
});

test('where nothing is interrupted, the instruction to look at first with its section', () => {
  const lines = textOf('b16-wrong-operand');
  const at = lines.findIndex((line) => /^>\|work\+0x57 +add %rcx,\(%rcx\)$/.test(line));
  expect(at, lines.join('\n')).toBeGreaterThan(0);
  expect(lines[at - 1]).toMatch(/^ \|work\+0x54 /);
  expect(lines[at + 1]).toBe('  +-- commits');
});
