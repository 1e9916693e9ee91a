import { beforeAll, expect, test } from 'vitest';
import { explainFailure } from '../../emulator/explore/failure/explain.ts';
import { minimise } from '../../emulator/explore/failure/minimise.ts';
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

const { image } = guest('bugs/s2-end-late.bin');

/** A counter that counts twice when it is interrupted between its commit and the end of its section. */
function explained(vcpus: number): ExplainedFailure {
  const searched = { program: { image, args: [], env: [] }, profile: LINUX_6_18, vcpus, seed: 1 };
  const open = () => new Explorer(machine, searched, TEST_BOUNDS);
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
