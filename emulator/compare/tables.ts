import { assertNever } from '../../kernel-model/assert.ts';
import type { StepPolicyName } from '../stepping/registry.ts';
import type { Interference, Restarts } from './interference.ts';
import type { KeyRow } from './keys.ts';
import { type LoadRow, restartsOf } from './load.ts';
import type { CompareRow } from './rows.ts';
import { STEPPING_RESTARTS_MAX, type SteppingRow, type StopPlace } from './stepping.ts';
import { sumHooks } from './sums.ts';
import type { Table } from './table.ts';

const NOTHING = '-';
const PROFILE = 'kernel';
const ONE_OPERATION = 'one operation that nothing interrupts, its loop included';
const WHOLE_RUN = 'the whole run on one vCPU, uninterrupted';

/** The figures of a comparison as tables; those that nothing was measured for are left out. */
export function tablesOf(
  { rows, keys }: { readonly rows: readonly CompareRow[]; readonly keys?: KeyRow },
  workload: string,
): readonly Table[] {
  const tables = [
    switchTable(rows, workload),
    loadTable(rows, workload),
    outcomeTable(rows),
    interferenceTable(rows),
    heavyTable(rows),
    countTable(rows),
    steppingTable(rows),
    ...(keys === undefined ? [] : [keyTable(keys)]),
  ];
  return tables.filter(({ lines }) => lines.length > 0);
}

function switchTable(rows: readonly CompareRow[], workload: string): Table {
  return {
    title: `Uninterrupted ${workload}, and what a context switch costs`,
    columns: [PROFILE, 'instructions', 'armed', 'unarmed', 'stores', 'bytes'],
    lines: rows.map(({ profile, fastPathInstructions, loads }) => {
      const { armed, unarmed, stores, bytes } = sumHooks(loads);
      const switches = armed.switches + unarmed.switches;
      return [
        profile,
        String(fastPathInstructions),
        ratio(armed.hookCalls, armed.switches),
        ratio(unarmed.hookCalls, unarmed.switches),
        ratio(stores, switches),
        ratio(bytes, switches),
      ];
    }),
    note:
      `instructions: of ${isOfProgram(rows) ? WHOLE_RUN : ONE_OPERATION}. armed, unarmed: calls of ` +
      'the rseq hook at a switch to a task with a section armed, or with none. stores, bytes: ' +
      'what the kernel writes to user memory at a switch to a registered task.',
  };
}

function loadTable(rows: readonly CompareRow[], workload: string): Table {
  const loads = rows[0]?.loads ?? [];
  return {
    title: `Restarts of ${workload} per 100 preemptions and, after the slash, those without need`,
    columns: [PROFILE, ...loads.map(loadName)],
    lines: rows.map(({ profile, loads }) => [profile, ...loads.map(restartCell)]),
    note:
      `${isOfProgram(rows) ? '2:20: 2 vCPUs, ' : '2x20: 2 tasks a vCPU, '}` +
      'slices of 20 instructions on average, never longer for a section that keeps being aborted. A ' +
      'restart is needed if the task was moved, or if another stored to a word that the attempt had ' +
      'used. !: the program did not end well within its budget.',
  };
}

function loadName({ tasksPerVcpu, vcpus, tickInstructions }: LoadRow): string {
  if (tasksPerVcpu === undefined) return `${vcpus}:${tickInstructions}`;
  return `${tasksPerVcpu}x${tickInstructions}`;
}

function restartCell(row: LoadRow): string {
  const { attempts, preemptions, migrations } = row;
  const mark = isWell(row) ? '' : '!';
  if (row.entered === 0) return `${NOTHING}${mark}`;
  const per = (count: number): string =>
    String(Math.round((100 * count) / Math.max(1, preemptions + migrations)));
  return `${per(restartsOf(attempts))}/${per(attempts.spurious)}${mark}`;
}

function isWell({ outcome }: LoadRow): boolean {
  return outcome.kind === 'exit' && outcome.status === 0;
}

/** Whether the rows are of one program rather than of a workload. */
function isOfProgram(rows: readonly CompareRow[]): boolean {
  return rows.every(({ loads }) => loads.every(({ tasksPerVcpu }) => tasksPerVcpu === undefined));
}

/** How a program ended under each load; a workload always ends well, or gets nowhere. */
function outcomeTable(rows: readonly CompareRow[]): Table {
  return {
    title: 'How each run ended',
    columns: [PROFILE, ...(rows[0]?.loads.map(loadName) ?? [])],
    lines: isOfProgram(rows)
      ? rows.map(({ profile, loads }) => [profile, ...loads.map(outcomeCell)])
      : [],
    note: 'A number is an exit status.',
  };
}

function outcomeCell({ outcome }: LoadRow): string {
  switch (outcome.kind) {
    case 'exit':
      return String(outcome.status);
    case 'signal':
      return `signal ${outcome.signal}`;
    case 'budget':
    case 'deadlock':
    case 'diverged':
    case 'finding':
    case 'livelock':
    case 'unsupported':
      return outcome.kind;
    default:
      return assertNever(outcome);
  }
}

const INTERFERENCE_COLUMNS: readonly (readonly [string, Interference])[] = [
  ['itself', 'reschedule'],
  ['other', 'other-task'],
  ['independent', 'independent'],
  ['conflict', 'conflict'],
  ['unhooked', 'conflict-unhooked'],
  ['moved', 'migration'],
];

function interferenceTable(rows: readonly CompareRow[]): Table {
  return {
    title: 'A long section interrupted once: at how many percent of its places it restarts',
    columns: [PROFILE, ...INTERFERENCE_COLUMNS.map(([title]) => title)],
    lines: rows.flatMap(({ profile, interference }) => {
      if (interference === undefined) return [];
      const cells = INTERFERENCE_COLUMNS.map(([, kind]) => percent(interference.restarts[kind]));
      return [[profile, ...cells]];
    }),
    note:
      'itself: rescheduled, and nobody else ran. other: another task ran an instruction. independent, ' +
      'conflict: another task carried out a whole section on another, or on the same, object. ' +
      'unhooked: the latter, under a kernel that does nothing at a resume, so that what is missing is ' +
      'an update lost. moved: it went on, on another vCPU.',
  };
}

function heavyTable(rows: readonly CompareRow[]): Table {
  const [first] = rows.flatMap(({ heavyLoad }) => heavyLoad ?? []);
  const tick = first?.independent.tickInstructions ?? 0;
  const cells = (load: LoadRow): string[] => {
    const { committed } = load.attempts;
    const restarts = restartsOf(load.attempts);
    return [
      isWell(load) ? 'yes' : 'no',
      String(committed),
      load.entered === 0 ? NOTHING : committed === 0 ? `${restarts}/0` : ratio(restarts, committed),
    ];
  };
  return {
    title: `Long sections on one vCPU, slices of ${tick} instructions`,
    columns: [PROFILE, '2 tasks', 'commits', 'restarts', '6 tasks', 'commits', 'restarts'],
    lines: rows.flatMap(({ profile, heavyLoad }) =>
      heavyLoad === undefined
        ? []
        : [[profile, ...cells(heavyLoad.independent), ...cells(heavyLoad.contended)]],
    ),
    note:
      '2 tasks: an object each; 6 tasks: three to an object. yes: all sections were done within ' +
      '100,000 instructions. restarts: for each commit.',
  };
}

function countTable(rows: readonly CompareRow[]): Table {
  return {
    title: 'Rescheduled while armed, by the event count that the section expects',
    columns: [PROFILE, 'right count', 'bogus count'],
    lines: rows.flatMap(({ profile, expectedCount }) =>
      expectedCount === undefined
        ? []
        : [[profile, places(expectedCount.truthful), places(expectedCount.bogus)]],
    ),
    note: 'Places at which it restarts, of those at which it is armed; nobody else ran in between.',
  };
}

/** Titles short enough for all of them to fit, with what they stand for. */
const STEPPING_COLUMNS: readonly (readonly [string, StepPolicyName, StopPlace])[] = [
  ['native', 'native', 'pinned'],
  ['moved', 'native', 'moved'],
  ['ll-sc', 'll-sc', 'pinned'],
  ['key', 'key', 'pinned'],
  ['loop', 'key-after-loop', 'pinned'],
  ['whole', 'whole-section', 'pinned'],
  ['transp.', 'transparent', 'pinned'],
];

function steppingTable(rows: readonly CompareRow[]): Table {
  return {
    title: 'Steps to get a stepped counter through, and restarts on the way',
    columns: [PROFILE, ...STEPPING_COLUMNS.map(([title]) => title)],
    lines: rows.flatMap(({ profile, stepping }) => {
      if (stepping === undefined) return [];
      const cells = STEPPING_COLUMNS.map(([, policy, place]) =>
        steppingCell(stepping.find((row) => row.policy === policy && row.place === place)),
      );
      return [[profile, ...cells]];
    }),
    note:
      'native: an instruction a step, each stop a reschedule on the same vCPU; moved: on the other ' +
      'one. ll-sc: from the arming store to an exit found by decoding. key, loop: by the tables of ' +
      'the program, at once or after a first attempt; - is a program without. whole: a step inside ' +
      `is the section. transp.: a stop is no event. stuck: ${STEPPING_RESTARTS_MAX} restarts.`,
  };
}

function steppingCell(row: SteppingRow | undefined): string {
  if (row === undefined) return NOTHING;
  if (!row.isThrough) return 'stuck';
  return row.restarts === 0 ? String(row.steps) : `${row.steps} (${row.restarts})`;
}

function keyTable(keys: KeyRow): Table {
  const stepped = (policy: StepPolicyName): string =>
    steppingCell(keys.stepping.find((row) => row.policy === policy && row.place === 'crowded'));
  return {
    title: `The key scheme, on ${keys.guest} under ${keys.profile}`,
    columns: ['key', 'starts', 'finishes', 'aborts'],
    lines: keys.keys.map(({ key, starts, finishes, aborts }) => [
      key,
      ...[starts, finishes, aborts].map(String),
    ]),
    note:
      `One operation, another task running at each stop: native ${stepped('native')}, key ` +
      `${stepped('key')}, key-after-loop ${stepped('key-after-loop')} (steps, restarts).`,
  };
}

function ratio(count: number, of: number): string {
  return of === 0 ? NOTHING : (count / of).toFixed(2);
}

function percent({ restarted, positions }: Restarts): string {
  return positions === 0 ? NOTHING : String(Math.round((100 * restarted) / positions));
}

function places({ restarted, positions }: Restarts): string {
  return `${restarted} of ${positions}`;
}
