import type { KernelGuest, KernelOutcome } from '../guests.ts';

/** A guest of `kernel/` as it is built: the manifest adds the files. */
type KernelGuestBuild = Omit<KernelGuest, 'files'>;

const SIGSEGV = 11;
const IDS_OK: KernelOutcome = { kind: 'exit', status: 0, stdout: 'ids: 8 tasks x 100 = 800 ok\n' };
const IDS_LOST: KernelOutcome = { kind: 'some-seed-fails', status: 1 };

const FENCE_OK: KernelOutcome = {
  kind: 'exit',
  status: 0,
  stdout: 'fence: 3 tasks x 200 = 600 ok\n',
};
const FENCE_UNKNOWN: KernelOutcome = { kind: 'exit', status: 3, stdout: '' };
const FENCE_LOST: KernelOutcome = { kind: 'some-seed-fails', status: 1 };

function slept(how: 'all' | 'not all'): KernelOutcome {
  const stdout = `sleep: 2 tasks x 5, ${how} of the sections aborted\n`;
  return { kind: 'exit', status: 0, stdout };
}

function sliced(what: string): KernelOutcome {
  return { kind: 'exit', status: 0, stdout: `slice: ${what}\n` };
}

/** The answers of `probe`: its line, in order, and whether its last question kills it. */
interface Answers {
  readonly stray: number;
  readonly left: number;
  readonly nullArea: number;
  readonly longArea: number;
  readonly node: number;
  readonly getattr: number;
  readonly yield: number;
  readonly killed: boolean;
}

const EFAULT = -14;
const EINVAL = -22;
const ENOSYS = -38;
const NEVER_WRITTEN = 77;
const UNINITIALIZED = 4_294_967_295;

const ANSWERS_4_18: Answers = {
  stray: 0,
  left: 0,
  nullArea: 0,
  longArea: EINVAL,
  node: NEVER_WRITTEN,
  getattr: ENOSYS,
  yield: ENOSYS,
  killed: false,
};
const ANSWERS_5_5: Answers = { ...ANSWERS_4_18, stray: EINVAL };
const ANSWERS_6_0: Answers = { ...ANSWERS_5_5, killed: true };
const ANSWERS_6_3: Answers = { ...ANSWERS_6_0, node: 0, longArea: 0 };
const ANSWERS_6_15: Answers = { ...ANSWERS_6_3, nullArea: EFAULT };
const ANSWERS_6_18: Answers = { ...ANSWERS_6_15, getattr: EINVAL };
const ANSWERS_6_19: Answers = { ...ANSWERS_6_18, left: UNINITIALIZED, killed: false };
const ANSWERS_7_0: Answers = { ...ANSWERS_6_19, longArea: EINVAL, yield: 0 };
const ANSWERS_7_1: Answers = { ...ANSWERS_7_0, left: 0 };

function answered(answers: Answers): KernelOutcome {
  const { stray, left, nullArea, longArea, node, getattr } = answers;
  const stdout =
    `probe: stray flag ${stray}, cpu_id_start left ${left}, null area ${nullArea}, ` +
    `64 bytes ${longArea}, node_id ${node}, file_getattr ${getattr}, slice_yield ${answers.yield}\n`;
  return answers.killed
    ? { kind: 'signal', signal: SIGSEGV, stdout }
    : { kind: 'exit', status: 0, stdout };
}

/** The guests whose outcome tells kernels apart; docs/abi/mainline.md says why. */
export const kernelGuestBuilds: readonly KernelGuestBuild[] = [
  {
    name: 'ids',
    description: 'Counters that rely on the ids being rewritten at every reschedule',
    source: 'kernel/ids.c',
    defines: [],
    args: ['8', '100'],
    outcomes: {
      '4.18': IDS_OK,
      '6.3': IDS_OK,
      '6.18': IDS_OK,
      '6.19': IDS_LOST,
      '7.0': IDS_LOST,
      '7.1': IDS_OK,
    },
  },
  {
    name: 'fence',
    description: 'Memory taken back behind an rseq membarrier',
    source: 'kernel/fence.c',
    defines: [],
    args: ['3', '200'],
    outcomes: {
      '4.18': FENCE_UNKNOWN,
      '5.5': FENCE_UNKNOWN,
      '5.10': FENCE_OK,
      '6.0': FENCE_OK,
      '6.18': FENCE_OK,
      'broken-fence-lost': FENCE_LOST,
      '6.19': FENCE_OK,
      '7.0': FENCE_OK,
      '7.1': FENCE_OK,
    },
  },
  {
    name: 'sleep',
    description: 'A system call that sleeps inside a section',
    source: 'kernel/sleep.c',
    findings: ['R14', 'R22'],
    defines: [],
    args: ['2', '5'],
    outcomes: {
      '4.18': slept('all'),
      '5.5': slept('all'),
      '6.18': slept('all'),
      '6.18+debug': { kind: 'signal', signal: SIGSEGV, stdout: '' },
      '6.19': slept('not all'),
      '7.0': slept('not all'),
      '7.0+debug': { kind: 'signal', signal: SIGSEGV, stdout: '' },
      '7.1': slept('not all'),
      '7.1+documented': slept('all'),
    },
  },
  {
    name: 'slice',
    description: 'Threads that ask for an extension of their time slice',
    source: 'kernel/slice.c',
    defines: [],
    args: ['12', '2'],
    outcomes: {
      '6.18': sliced('no extensions to ask for'),
      '6.19': sliced('no extensions to ask for'),
      '7.0': sliced('some requests granted'),
      '7.1': sliced('some requests granted'),
    },
  },
  {
    name: 'probe',
    description: 'What tells neighbouring releases apart in system calls and struct rseq',
    source: 'kernel/probe.c',
    findings: ['R14'],
    defines: [],
    args: [],
    outcomes: {
      '4.18': answered(ANSWERS_4_18),
      '5.5': answered(ANSWERS_5_5),
      '6.0': answered(ANSWERS_6_0),
      '6.3': answered(ANSWERS_6_3),
      '6.15': answered(ANSWERS_6_15),
      '6.18': answered(ANSWERS_6_18),
      '6.19': answered(ANSWERS_6_19),
      '7.0': answered(ANSWERS_7_0),
      '7.1': answered(ANSWERS_7_1),
    },
  },
];
