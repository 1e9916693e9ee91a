import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadProgram } from '../../emulator/loader/load.ts';
import { readObject } from '../../emulator/loader/object/read-object.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import type { Bug } from '../../emulator/regress/bug-index.ts';
import type { Finding } from '../../emulator/validate/finding.ts';
import { checkImage } from '../../emulator/validate/static/check-image.ts';
import { findProfile } from '../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { guestDir } from '../guest/guest-files.ts';
import { unicornLibrary } from '../support/unicorn.ts';
import { runSettled } from '../validate/dynamic/watched-runs.ts';
import { bugs, twins } from './bug-files.ts';

const NAMED_MIN = 17;

const withRule = bugs.flatMap((bug) => (bug.rule === null ? [] : [{ ...bug, rule: bug.rule }]));

let machine: Machine;
let logging: Machine;
beforeAll(async () => {
  const libraryPath = await unicornLibrary();
  machine = openMachine({ libraryPath });
  logging = openMachine({ libraryPath, logReads: true });
});

function profileOf({ kernel }: Bug): KernelProfile {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  return profile;
}

function checked(bug: Bug, twin: 'buggy' | 'fixed'): readonly Finding[] {
  const image = readObject(join(guestDir, bug[twin].elf.path));
  return checkImage(image, { kernel: profileOf(bug) }).findings;
}

/** Of one run that nothing interrupts but the scheduler's ticks. */
async function found(bug: Bug, twin: 'buggy' | 'fixed'): Promise<readonly Finding[]> {
  const { kernel, args, vcpus: cpus } = bug;
  const run = { file: bug[twin].bin.path, kernel, args, cpus, maxInstructions: 1_000_000 };
  return (await runSettled(machine, logging, run)).findings;
}

/** Whether it is the faulty instruction, or another one of the section with it. */
function isRight({ address, section }: Finding, faulty: number): boolean {
  if (address === faulty) return true;
  return section !== undefined && faulty >= section.start && faulty < section.end;
}

function faultyOf({ faulty: { symbol, offset }, buggy }: Bug): number {
  const { image } = loadProgram(join(guestDir, buggy.bin.path));
  return (image.symbols.find(symbol) ?? 0) + offset;
}

describe('a check or one run names the rule of a seeded bug, at its place', () => {
  test.each(withRule)('$id: $rule', async (bug) => {
    const findings = [...checked(bug, 'buggy'), ...(await found(bug, 'buggy'))];
    const named = findings.filter(({ rule }) => rule === bug.rule);
    expect(findings.map(({ rule }) => rule)).toContain(bug.rule);
    expect(named.some((finding) => isRight(finding, faultyOf(bug)))).toBe(true);
  });

  test(`for at least ${NAMED_MIN} bugs`, () => {
    expect(withRule.length).toBeGreaterThanOrEqual(NAMED_MIN);
  });
});

test.each(twins)(
  'of a bug without a rule nothing is named wrongly in the %s program',
  async (twin) => {
    for (const bug of bugs.filter(({ rule }) => rule === null)) {
      if (twin === 'buggy' && bug.id === 'b13-stale-register') continue;
      expect([...checked(bug, twin), ...(await found(bug, twin))], bug.id).toEqual([]);
    }
  },
);

test.each(bugs)('the fixed twin of $id gives no finding, in a check or in a run', async (bug) => {
  expect([...checked(bug, 'fixed'), ...(await found(bug, 'fixed'))]).toEqual([]);
});
