import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ABI_CLAIMS } from '../../emulator/compare/claims-abi.ts';
import { compare } from '../../emulator/compare/compare.ts';
import type { Interference, InterferenceRow } from '../../emulator/compare/interference.ts';
import { type CompareReport, formatDocument, formatReport } from '../../emulator/compare/report.ts';
import type { CompareRow } from '../../emulator/compare/rows.ts';
import { DEFAULT_KERNELS } from '../../emulator/compare/subject.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import { projectRoot } from '../support/project.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const COMMAND = 'npm run compare -- --workload counter --markdown docs/abi-debate.md';

let report: CompareReport;
beforeAll(async () => {
  const machine = openMachine({ libraryPath: await unicornLibrary(), logReads: true });
  const profiles = DEFAULT_KERNELS.map((name) => PROFILES[name]);
  report = await compare(machine, { kind: 'workload', workload: 'counter' }, profiles);
}, 60_000);

test('every ABI has a row', () => {
  expect(report.rows.map(({ profile }) => profile)).toEqual([...DEFAULT_KERNELS]);
  for (const { fastPathInstructions } of report.rows) {
    expect(Number.isInteger(fastPathInstructions)).toBe(true);
    expect(fastPathInstructions).toBeGreaterThan(5);
  }
});

test('docs/abi-debate.md is what the command in it writes', async () => {
  const document = await readFile(join(projectRoot, 'docs', 'abi-debate.md'), 'utf8');
  expect(formatDocument(report, COMMAND)).toBe(document);
});

test('the tables fit a terminal', () => {
  for (const line of formatReport(report).split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

/** A row with the restarts of one interference replaced. */
function interfere(row: CompareRow, kind: Interference, restarted: number): CompareRow {
  if (row.interference === undefined) return row;
  const { restarts } = row.interference;
  const changed = { ...restarts[kind], restarted };
  const interference: InterferenceRow = {
    ...row.interference,
    restarts: { ...restarts, [kind]: changed },
  };
  return { ...row, interference };
}

interface Perturbation {
  readonly claim: string;
  readonly what: string;
  readonly profile: string;
  readonly change: (row: CompareRow) => CompareRow;
}

const LUTOMIRSKI = 'lutomirski-2016';

const PERTURBATIONS: readonly Perturbation[] = [
  {
    claim: 'C1',
    what: 'one restart while pinned',
    profile: LUTOMIRSKI,
    change: (row) => ({
      ...row,
      stepping: (row.stepping ?? []).map((each) =>
        each.place === 'pinned' ? { ...each, restarts: 1 } : each,
      ),
    }),
  },
  {
    claim: 'C2',
    what: 'one abort of an independent user',
    profile: LUTOMIRSKI,
    change: (row) => {
      const { heavyLoad } = row;
      if (heavyLoad === undefined) return row;
      const { independent } = heavyLoad;
      const attempts = { ...independent.attempts, aborted: 1 };
      return { ...row, heavyLoad: { ...heavyLoad, independent: { ...independent, attempts } } };
    },
  },
  {
    claim: 'C3',
    what: 'one restart after a plain reschedule',
    profile: LUTOMIRSKI,
    change: (row) => interfere(row, 'reschedule', 1),
  },
  {
    claim: 'C3',
    what: 'one restart after another task',
    profile: LUTOMIRSKI,
    change: (row) => interfere(row, 'other-task', 1),
  },
  {
    claim: 'C4',
    what: 'a bogus count that does nothing',
    profile: LUTOMIRSKI,
    change: ({ expectedCount, ...row }) => ({
      ...row,
      ...(expectedCount && {
        expectedCount: { ...expectedCount, bogus: { positions: 8, restarted: 0 } },
      }),
    }),
  },
  {
    claim: 'C5',
    what: 'one switch without the hook',
    profile: 'linux-6.18',
    change: (row) => ({
      ...row,
      loads: row.loads.map((load, i) => {
        const { armed } = load.hooks;
        const fewer = { ...armed, hookCalls: armed.hookCalls - 1 };
        return i === 0 ? { ...load, hooks: { ...load.hooks, armed: fewer } } : load;
      }),
    }),
  },
  {
    claim: 'C5',
    what: 'an ABI that needs no hook',
    profile: 'turner-v2',
    change: (row) => interfere(row, 'conflict-unhooked', 45),
  },
  {
    claim: 'C6',
    what: 'a load that is not heavy',
    profile: LUTOMIRSKI,
    change: (row) => {
      const { heavyLoad } = row;
      if (heavyLoad === undefined) return row;
      const independent = { ...heavyLoad.independent, preemptions: 10 };
      return { ...row, heavyLoad: { ...heavyLoad, independent } };
    },
  },
  {
    claim: 'C6',
    what: 'sections that are not done',
    profile: LUTOMIRSKI,
    change: (row) => {
      const { heavyLoad } = row;
      if (heavyLoad === undefined) return row;
      const outcome = { kind: 'budget', instructions: 1 } as const;
      const independent = { ...heavyLoad.independent, outcome };
      return { ...row, heavyLoad: { ...heavyLoad, independent } };
    },
  },
  {
    claim: 'C7',
    what: 'one restart after an independent section',
    profile: LUTOMIRSKI,
    change: (row) => interfere(row, 'independent', 1),
  },
  {
    claim: 'C7',
    what: 'conflicts that are let through',
    profile: LUTOMIRSKI,
    change: (row) => interfere(row, 'conflict', 0),
  },
  {
    claim: 'C9',
    what: 'no comparison before the commit',
    profile: 'turner-v2',
    change: ({ protocol, ...row }) => ({
      ...row,
      ...(protocol && {
        protocol: { ...protocol, order: ['load +0', 'store +8', 'commit', 'store +8'] },
      }),
    }),
  },
  {
    claim: 'C9',
    what: 'a failure address elsewhere',
    profile: 'turner-v2',
    change: ({ protocol, ...row }) => ({
      ...row,
      ...(protocol && { protocol: { ...protocol, isFailureAddressInRcx: false } }),
    }),
  },
];

describe('claims', () => {
  test('each has a perturbation here, and holds over what was measured', () => {
    const perturbed = new Set(PERTURBATIONS.map(({ claim }) => claim));
    expect([...perturbed].sort()).toEqual(report.claims.map(({ id }) => id).sort());
    for (const { id, holds, figures } of report.claims) {
      expect({ id, holds }).toEqual({ id, holds: true });
      expect(Object.keys(figures).length).toBeGreaterThan(0);
    }
  });

  test.each(PERTURBATIONS)('$claim turns with $what', ({ claim, profile, change }) => {
    const rows = report.rows.map((row) => (row.profile === profile ? change(row) : row));
    const judge = ABI_CLAIMS.find(({ id }) => id === claim)?.judge;
    expect(judge?.({ rows: report.rows })?.holds).toBe(true);
    expect(judge?.({ rows })?.holds).toBe(false);
    const verdicts = [report.rows, rows].map((each) => judge?.({ rows: each })?.figures);
    expect(verdicts[0]).not.toEqual(verdicts[1]);
  });

  test('is left open without its rows', () => {
    for (const { judge } of ABI_CLAIMS) expect(judge({ rows: [] })).toBeUndefined();
  });
});
