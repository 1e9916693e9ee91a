import { release } from 'node:os';
import { join } from 'node:path';
import { openMachine } from '../../emulator/machine/open.ts';
import { type Bug, type BugOutcome, readBugIndex } from '../../emulator/regress/bug-index.ts';
import { searchTwin } from '../../emulator/regress/search-bug.ts';
import { assert } from '../../kernel-model/assert.ts';
import { findProfile } from '../../kernel-model/rseq/resolve.ts';
import type { Figure, OwnRow, Tools } from './measure.ts';
import { openStress, type Stress, type StressResult } from './native-stress.ts';

/** What most bugs are searched under; these need no particular kernel. */
const ANY_KERNEL = 'linux-6.18';
const SEARCH_SECONDS_MAX = 60;
const HUNG_STATUS = 124;
const SIGNAL_STATUS = 128;

/**
 * For each seeded bug how long the search takes to find it, as `fuzz` runs by default, beside how
 * long the same program needs on this host's kernel under stress until it fails, at most
 * `nativeSecondsMax`.
 */
export function bugRows(projectRoot: string, nativeSecondsMax: number): readonly OwnRow[] {
  const folder = join(projectRoot, 'guest');
  const { bugs } = readBugIndex(join(folder, 'bugs', 'index.json'));
  return bugs.map((bug) => ({
    name: `bug ${bug.id}`,
    figures: async (tools) => [await figureOf(tools, folder, bug, nativeSecondsMax)],
  }));
}

async function figureOf(
  { libraryPath, cacheDir }: Tools,
  folder: string,
  bug: Bug,
  nativeSecondsMax: number,
): Promise<Figure> {
  const machine = openMachine({ libraryPath });
  const watching = { openLogging: () => openMachine({ libraryPath, logReads: true }) };
  const { verdict, seconds, schedules } = searchTwin(
    machine,
    watching,
    folder,
    bug.buggy,
    bug,
    SEARCH_SECONDS_MAX,
  );
  assert(verdict === 'fail', `the search finds ${bug.id}`);
  const figure = { name: `bug ${bug.id}`, unit: 's', value: seconds };
  const native = await runNatively(cacheDir, folder, bug, nativeSecondsMax);
  const note = `${schedules} ${schedules === 1 ? 'schedule' : 'schedules'}; ${native.note}`;
  const reference = native.seconds;
  if (reference === undefined) return { ...figure, note };
  return { ...figure, reference, ratio: seconds / reference, note };
}

/** How a bug fares on this host, in words too. */
interface NativeAnswer {
  readonly seconds?: number;
  readonly note: string;
}

async function runNatively(
  cacheDir: string,
  folder: string,
  bug: Bug,
  secondsMax: number,
): Promise<NativeAnswer> {
  const { kernel, signals } = bug;
  if (kernel !== ANY_KERNEL && kernel !== hostKernel()) {
    return { note: `natively it needs ${kernel}` };
  }
  if (signals.length > 0) return { note: 'natively somebody would have to send it a signal' };
  const stress = await openStress(cacheDir, join(folder, bug.fixed.elf.path));
  if ('problem' in stress) return { note: `not run natively: ${stress.problem}` };
  return await runUnderStress(stress, folder, bug, secondsMax);
}

async function runUnderStress(
  stress: Stress,
  folder: string,
  { buggy, outcome }: Bug,
  secondsMax: number,
): Promise<NativeAnswer> {
  const result = await stress.run(join(folder, buggy.elf.path), secondsMax);
  const runs = `${result.runs} native runs`;
  if (result.seconds === undefined) return { note: `none of ${runs} failed in ${secondsMax} s` };
  if (!isExpected(outcome, result)) {
    return { note: `after ${runs} it ended otherwise, with status ${result.status}` };
  }
  return { seconds: result.seconds, note: `failed after ${runs}` };
}

/** The profile that stands for this host's kernel. */
function hostKernel(): string | undefined {
  const version = /^\d+\.\d+/.exec(release())?.[0];
  return version === undefined ? undefined : findProfile(version)?.name;
}

function isExpected(outcome: BugOutcome, { status }: StressResult): boolean {
  switch (outcome.kind) {
    case 'exit':
      return status === outcome.status;
    case 'signal':
      return status === SIGNAL_STATUS + outcome.signal;
    case 'livelock':
    case 'budget':
      return status === HUNG_STATUS;
  }
}
