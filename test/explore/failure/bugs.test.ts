import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { explainFailure } from '../../../emulator/explore/failure/explain.ts';
import { minimise } from '../../../emulator/explore/failure/minimise.ts';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { type Bug, readBugIndex } from '../../../emulator/regress/bug-index.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { openTestMachine } from '../../machine/rig.ts';
import { matrixCases } from '../../support/matrix.ts';
import { searchAll, TEST_BOUNDS } from './searched.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

const SAMPLE = 9;
/** Of those that the search finds, the share whose report has to name the faulty instruction. */
const NAMED_SHARE_MIN = 0.8;
const SYSCALL_BYTES = 2;

const { bugs } = readBugIndex(join(guestDir, 'bugs', 'index.json'));
const cases = matrixCases(bugs, SAMPLE);

interface Found {
  readonly id: string;
  readonly interruptions: number;
  readonly isNamed: boolean;
}

test(`reports name the faulty instruction or its neighbour for most of ${cases.length} seeded bugs`, {
  timeout: 300_000,
}, () => {
  const found = cases.flatMap((bug) => explain(bug) ?? []);
  expect(found.length).toBeGreaterThan(cases.length * NAMED_SHARE_MIN);
  const unnamed = found.filter(({ isNamed }) => !isNamed).map(({ id }) => id);
  expect(unnamed.length, unnamed.join(', ')).toBeLessThanOrEqual(
    Math.floor(found.length * (1 - NAMED_SHARE_MIN)),
  );
});

/** What the report of a bug names; `undefined` for one that a small search does not find. */
function explain(bug: Bug): Found | undefined {
  const profile = findProfile(bug.kernel);
  const { image } = loadProgram(join(guestDir, bug.buggy.bin.path));
  if (profile === undefined) throw new Error(`no kernel ${bug.kernel}`);
  const program = { image, args: bug.args, env: [] };
  const bounds = {
    ...TEST_BOUNDS,
    instructions: 1_000_000,
    entries: 2,
    preemptions: Math.max(1, bug.interruptions),
    signals: bug.signals.map((signal) => ({ signal, task: undefined })),
  };
  const open = (vcpus: number) =>
    new Explorer(machine, { program, profile, vcpus, seed: 1 }, bounds);
  const { failure } = searchAll(open(bug.vcpus)).tally;
  if (failure === undefined) return undefined;
  const minimal = minimise(failure, bug.vcpus, open, { plays: 1000, isOver: () => false });
  expect(minimal, `${bug.id}: its interruptions make it fail`).toBeDefined();
  if (minimal === undefined) return undefined;
  const { vcpus, play: run } = minimal;
  expect(run.made.length, bug.id).toBeLessThanOrEqual(bug.interruptions);
  const searched = { program, profile, vcpus, seed: 1 };
  const { culprit, events } = explainFailure(machine, searched, open(vcpus), run, () => false);
  const faulty = (image.symbols.find(bug.faulty.symbol) ?? 0) + bug.faulty.offset;
  const isNamed = isNear(culprit?.address, faulty, events);
  return { id: bug.id, interruptions: run.made.length, isNamed };
}

/** Whether it is the faulty instruction, or the one before or after it in memory or in execution. */
function isNear(
  named: number | undefined,
  faulty: number,
  events: ReturnType<typeof explainFailure>['events'],
): boolean {
  if (named === faulty || named === faulty + SYSCALL_BYTES) return true;
  const steps = events.filter((event) => event.kind === 'step');
  const addresses = [...new Set(steps.map(({ address }) => address))].sort((a, b) => a - b);
  const at = addresses.indexOf(faulty);
  if (at >= 0 && (addresses[at - 1] === named || addresses[at + 1] === named)) return true;
  return steps.some((step, index) => {
    const next = steps.find((each, i) => i > index && each.task === step.task);
    const [a, b] = [step.address, next?.address];
    return (a === named && b === faulty) || (a === faulty && b === named);
  });
}
