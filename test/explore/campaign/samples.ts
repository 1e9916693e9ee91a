import type { SearchJob } from '../../../emulator/explore/campaign/job.ts';
import type { Interruption } from '../../../emulator/explore/search/interruption.ts';
import { EMPTY_TALLY, type Failure, type Tally } from '../../../emulator/explore/search/tally.ts';
import type { SearchPlan } from '../../../emulator/explore/search/unit.ts';
import type { Finding } from '../../../emulator/validate/finding.ts';
import type { Decision } from '../../../kernel-model/sched/decision.ts';

export const SAMPLE_JOB: SearchJob = {
  guest: { path: 'guest/counter.bin', sha256: 'a'.repeat(64), args: ['2', '1'], env: ['A=b'] },
  kernel: 'linux-6.18',
  cpus: 2,
  seed: 1,
  memoryLimitBytes: 2 ** 28,
  strategy: 'exhaustive',
  bounds: {
    preemptions: 2,
    entries: 1,
    instructions: 100_000,
    signals: [
      { signal: 10, task: 2 },
      { signal: 12, task: undefined },
    ],
    runs: 10,
    seed: 1,
    depth: 2,
  },
};

export const SAMPLE_PLAN: SearchPlan = {
  units: [
    { stage: 0, from: 0, to: 0 },
    { stage: 1, from: 0, to: 7 },
  ],
  boundaries: [{ address: 0x40_1000, places: ['before', 'access'] }],
  leftOut: [{ task: 2, address: 0x40_1000, entries: 3 }],
};

const INTERRUPTIONS: readonly Interruption[] = [
  { kind: 'spurious' },
  { kind: 'preempt', by: 3, until: { kind: 'completion' } },
  { kind: 'migrate', vcpu: 1 },
  { kind: 'fence' },
  { kind: 'signal', signal: 10 },
  {
    kind: 'overtake',
    vcpu: 1,
    until: { kind: 'stop', instructions: 4, reason: 'commit', address: 0x40_1010 },
  },
];

const DECISIONS: readonly Decision[] = [
  { kind: 'switch', vcpu: 0, task: 1 },
  { kind: 'run', vcpu: 0, instructions: 143 },
  { kind: 'migrate', task: 1, vcpu: 1 },
];

const FAILURE: Failure = {
  interruptions: INTERRUPTIONS.map((interruption) => ({
    task: 2,
    vcpu: 0,
    retired: 17,
    address: 0x40_1000,
    interruption,
  })),
  decisions: DECISIONS,
  outcome: { kind: 'deadlock', blocked: [{ task: 1, waitsFor: 'a signal' }] },
  isEndless: false,
};

/** A finding with everything that one of a run can have. */
const FULL_FINDING: Finding = {
  rule: 'R18',
  severity: 'error',
  section: {
    descriptor: 0x40_3000,
    start: 0x40_1000,
    end: 0x40_1020,
    abort: 0x40_2000,
    name: 'f+0x4',
  },
  address: 0x40_1010,
  symbol: 'f+0x14',
  message: 'task 2 stores',
  task: 2,
  position: { decision: 1, instructions: 7 },
};

/** A tally with everything that one can have. */
export const FULL_TALLY: Tally = {
  ...EMPTY_TALLY,
  schedules: 5,
  distinctStates: 7,
  cuts: { spin: 1, excursion: 2, timeout: 3, events: 5, unsupported: 4 },
  coverage: {
    4198400: { spurious: [1, 2], preempt: [3], migrate: [], fence: [1], signal: [0, 1] },
  },
  findings: [
    {
      finding: FULL_FINDING,
      schedules: 3,
      interruptions: FAILURE.interruptions,
      decisions: DECISIONS,
    },
  ],
  failuresIn: [{ suspect: 1, failure: FAILURE }],
  failure: FAILURE,
  unsupported: 'something at 0x401000',
};
