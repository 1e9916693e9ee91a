import type { Evidence } from '../../emulator/compare/claim.ts';
import type { Interference, InterferenceRow } from '../../emulator/compare/interference.ts';
import type { KeyRow } from '../../emulator/compare/keys.ts';
import type { CompareRow } from '../../emulator/compare/rows.ts';
import type { SteppingRow } from '../../emulator/compare/stepping.ts';

/** A change of what was measured after which a claim no longer holds. */
export interface Perturbation {
  readonly claim: string;
  readonly what: string;
  readonly change: (evidence: Evidence) => Evidence;
}

interface RowPerturbation extends Omit<Perturbation, 'change'> {
  readonly profile: string;
  readonly change: (row: CompareRow) => CompareRow;
}

interface KeyPerturbation extends Omit<Perturbation, 'change'> {
  readonly change: (keys: KeyRow) => KeyRow;
}

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

/** Rows of stepping with those of one policy changed. */
function restep(
  rows: readonly SteppingRow[] | undefined,
  policy: SteppingRow['policy'],
  change: Partial<SteppingRow>,
): readonly SteppingRow[] {
  return (rows ?? []).map((row) => (row.policy === policy ? { ...row, ...change } : row));
}

const LUTOMIRSKI = 'lutomirski-2016';

const OF_ROWS: readonly RowPerturbation[] = [
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
  {
    claim: 'C14',
    what: 'decoding that does not help',
    profile: 'linux-7.1',
    change: (row) => ({ ...row, stepping: restep(row.stepping, 'll-sc', { isThrough: false }) }),
  },
  {
    claim: 'C14',
    what: 'a plain debugger that gets through',
    profile: 'linux-7.1',
    change: (row) => ({ ...row, stepping: restep(row.stepping, 'native', { isThrough: true }) }),
  },
];

const OF_KEYS: readonly KeyPerturbation[] = [
  {
    claim: 'C8',
    what: 'one entry and one exit a key',
    change: (row) => ({
      ...row,
      keys: row.keys.map((each) => ({ ...each, starts: 1, aborts: 0 })),
    }),
  },
  {
    claim: 'C8',
    what: 'a malformed tuple',
    change: (row) => ({ ...row, problems: ['tuple 0 has the unknown type 7'] }),
  },
  {
    claim: 'C10',
    what: 'a store before an abort',
    change: (row) => ({ ...row, abort: { ...row.abort, stores: 1 } }),
  },
  {
    claim: 'C11',
    what: 'a skipped section that restarts',
    change: (row) => ({ ...row, stepping: restep(row.stepping, 'key', { restarts: 1 }) }),
  },
  {
    claim: 'C11',
    what: 'plain stepping that gets through as well',
    change: (row) => ({ ...row, stepping: restep(row.stepping, 'native', { isThrough: true }) }),
  },
  {
    claim: 'C12',
    what: 'one byte of text that differs',
    change: (row) => ({ ...row, text: { ...row.text, isSame: false } }),
  },
  {
    claim: 'C12',
    what: 'one instruction more at run time',
    change: (row) => ({
      ...row,
      instructions: { ...row.instructions, keyed: row.instructions.keyed + 1 },
    }),
  },
  {
    claim: 'C13',
    what: 'a first attempt that is not stepped',
    change: (row) => ({
      ...row,
      stepping: restep(row.stepping, 'key-after-loop', { restarts: 0 }),
    }),
  },
  {
    claim: 'C13',
    what: 'a loop that is never skipped',
    change: (row) => ({
      ...row,
      stepping: restep(row.stepping, 'key-after-loop', { isThrough: false }),
    }),
  },
];

export const PERTURBATIONS: readonly Perturbation[] = [
  ...OF_ROWS.map(({ profile, change, ...about }) => ({
    ...about,
    change: (evidence: Evidence): Evidence => ({
      ...evidence,
      rows: evidence.rows.map((row) => (row.profile === profile ? change(row) : row)),
    }),
  })),
  ...OF_KEYS.map(({ change, ...about }) => ({
    ...about,
    change: ({ keys, ...rest }: Evidence): Evidence => ({
      ...rest,
      ...(keys !== undefined && { keys: change(keys) }),
    }),
  })),
];
