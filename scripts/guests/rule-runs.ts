import type { RuleRun } from '../guests.ts';

/** A guest of `rules/run/` as it is built: the manifest adds the files. */
type RuleRunBuild = Omit<RuleRun, 'files'>;

type Setting = Omit<RuleRun['settings'], 'kernel'> & { readonly kernel?: string };

const KERNEL = '6.18';

/**
 * Source in guest/rules/run/, rule that its run breaks, what it is, and how it is run if not by
 * default.
 */
const BROKEN: readonly (readonly [name: string, rule: string, title: string, setting?: Setting])[] =
  [
    ['r02-descriptor-unmapped', 'R2', 'a descriptor whose memory goes away'],
    ['r08-shared-slot', 'R8', 'one slot for all CPUs', { tick: 7 }],
    ['r08-pinned-elsewhere', 'R8', 'two CPUs at one slot, one after the other'],
    ['r12-early-store', 'R12', 'work that is counted before the commit', { tick: 20 }],
    ['r14-system-call', 'R14', 'a system call in a section'],
    ['r17-side-entry', 'R17', 'an entry from the side'],
    ['r18-not-armed', 'R18', 'a section that is not armed'],
    ['r18-call-out', 'R18', 'a section that calls a function', { cpus: 1, tick: 20 }],
    ['r23-no-progress', 'R23', 'a section longer than its slice', { cpus: 1, escalate: false }],
    ['r24-trap', 'R24', 'a breakpoint in a section'],
    ['r25-ids-written', 'R25', 'a cpu_id written by the program'],
    ['r27-effect-then-exit', 'R27', 'an effect before the exit'],
    ['r28-foreign-store', 'R28', 'a store from outside all sections', { tick: 7 }],
    ['r28-foreign-reset', 'R28', 'a store from outside, long after'],
    ['r28-given-back', 'R28', 'memory given back while sections commit there'],
    ['r28-taken-over', 'R28', 'a counter taken over with the fence before the flag'],
    ['r30-not-registered', 'R30', 'a section of a thread that is not registered'],
    [
      'r30-retries-unregistered',
      'R30',
      'a thread that is not registered tries for ever',
      { maxInstructions: 100_000 },
    ],
    [
      'r31-call-in-slice',
      'R31',
      'a system call in a granted time slice',
      { kernel: '7.1', cpus: 1 },
    ],
    ['r32-second-area', 'R32', 'a second area'],
  ];

function build(
  name: string,
  description: string,
  defines: readonly string[],
  findings: readonly string[],
  setting: Setting = {},
): RuleRunBuild {
  return {
    name,
    description,
    source: `rules/run/${name.replace(/-fixed$/, '')}.c`,
    defines,
    args: [],
    settings: { kernel: KERNEL, ...setting },
    findings,
  };
}

/** How else a guest is put right, by what FIXED is. */
const ORDERED: readonly (readonly [name: string, how: string, fixed: number, title: string])[] = [
  ['r28-foreign-reset', 'flag', 2, 'a store from outside, ordered by a flag'],
  ['r28-foreign-reset', 'mutex', 3, 'a store from outside, ordered by a mutex'],
  ['r28-foreign-reset', 'join', 4, 'a store from outside, ordered by a join'],
  ['r28-foreign-reset', 'pinned', 5, 'a store from outside, by a thread that shares its only CPU'],
  ['r28-given-back', 'shared', 2, 'an advice that leaves shared memory as it is'],
  ['r28-taken-over', 'ready', 2, 'a counter given, and given back by a word that sections look at'],
  ['r28-taken-over', 'mutex', 3, 'a counter taken over under a mutex'],
  ['r28-taken-over', 'join', 4, 'a counter taken over after a join'],
  ['r28-taken-over', 'empty', 5, 'a counter filled where sections leave it alone'],
];

/** Nothing is wrong until a signal comes: a search that may send one finds that it breaks R18. */
const NESTED = 'a signal handler that arms and returns';

/** Every guest whose run breaks a rule, and its twin that does not. */
export const ruleRunBuilds: readonly RuleRunBuild[] = [
  ...BROKEN.flatMap(([name, rule, title, setting]) => [
    build(name, title, [], [rule], setting),
    build(`${name}-fixed`, `${title}: put right`, ['FIXED'], [], setting),
  ]),
  ...ORDERED.map(([name, how, fixed, title]) => ({
    ...build(name, title, [`FIXED=${fixed}`], []),
    name: `${name}-${how}`,
  })),
  build('r12-forked', 'what an abort leaves, beside a child of fork', [], [], { tick: 20 }),
  build('r28-forked', 'a store to a copy of the data, in a child of fork', [], []),
  build('r18-nested', NESTED, [], [], { cpus: 1 }),
  build('r18-nested-fixed', `${NESTED}: put right`, ['FIXED'], [], { cpus: 1 }),
];
