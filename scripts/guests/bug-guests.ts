import type { Bug, BugOutcome } from '../../emulator/regress/bug-index.ts';

/** A seeded bug as it is built: the index adds the files. */
export type BugBuild = Omit<Bug, 'buggy' | 'fixed'>;

/** What a bug has that is not the usual. */
interface Particulars {
  readonly kernel?: string;
  readonly vcpus?: number;
  readonly rule?: string;
  readonly outcome?: BugOutcome;
  readonly defines?: readonly string[];
}

const SIGSEGV = 11;
const KILLED: BugOutcome = { kind: 'signal', signal: SIGSEGV };
const SYNTHETIC = 'made up: one change to a correct counter or list';

/**
 * `id` begins with the number of the item; `needs` is a smallest set of interruptions that shows it. Its
 * defaults: two threads on one vCPU of linux-6.18, found by the program itself.
 */
function bug(
  id: string,
  needs: readonly Bug['needs'][number][],
  title: string,
  source: string,
  particulars: Particulars = {},
): BugBuild {
  const { kernel = 'linux-6.18', vcpus = 1, rule = null } = particulars;
  return {
    id,
    item: (id.split('-')[0] ?? id).toUpperCase(),
    title,
    source,
    rule,
    kernel,
    vcpus,
    args: [],
    signals: [],
    interruptions: needs.length,
    needs: [...needs],
    faulty: { symbol: 'faulty', offset: 0 },
    outcome: particulars.outcome ?? { kind: 'exit', status: 1 },
    file: `bugs/${id}.c`,
    defines: [...(particulars.defines ?? [])],
  };
}

const MADE_UP: readonly BugBuild[] = [
  bug('s1-end-early', ['preempt'], 'post-commit address before the commit', SYNTHETIC, {
    rule: 'R10',
  }),
  bug('s2-end-late', ['spurious'], 'post-commit address after the commit', SYNTHETIC, {
    rule: 'R10',
  }),
  bug('s3-start-late', ['spurious', 'preempt'], 'a gap between arming and start', SYNTHETIC, {
    rule: 'R7',
  }),
  bug('s4-no-rearm', ['spurious', 'preempt'], 'a retry that does not arm again', SYNTHETIC, {
    rule: 'R21',
  }),
  bug('s5-no-cpu-compare', ['migrate'], 'no comparison of the CPU', SYNTHETIC, {
    vcpus: 2,
    rule: 'R8',
  }),
  bug('s5-start-for-id', ['preempt'], 'cpu_id_start compared in place of cpu_id', SYNTHETIC, {
    rule: 'R30',
  }),
  bug('s6-two-commits', ['spurious'], 'two committing stores', SYNTHETIC, { rule: 'R10' }),
  bug('s7-early-effect', ['spurious'], 'a visible store before the commit', SYNTHETIC, {
    rule: 'R12',
  }),
  bug('s8-address-before', ['migrate'], 'address and comparison from two readings', SYNTHETIC, {
    vcpus: 2,
    rule: 'R8',
  }),
  bug('s9-old-slot', ['migrate'], 'a retry that keeps the old address', SYNTHETIC, {
    vcpus: 2,
    rule: 'R8',
  }),
  bug('s10-signature', ['spurious'], 'a wrong signature', SYNTHETIC, {
    rule: 'R5',
    outcome: KILLED,
  }),
  bug('s10-abort-inside', ['spurious'], 'an abort handler inside its section', SYNTHETIC, {
    rule: 'R4',
    outcome: KILLED,
  }),
  bug('s11-unmapped', ['spurious'], 'rseq_cs left pointing at unmapped memory', SYNTHETIC, {
    rule: 'R2',
    outcome: KILLED,
  }),
  bug('s12-call', ['preempt'], 'a call inside the section', SYNTHETIC, { rule: 'R15' }),
  bug('s12-syscall', [], 'a system call inside the section', SYNTHETIC, {
    kernel: 'linux-6.19',
    rule: 'R14',
  }),
  bug('s13-nested', ['preempt'], 'a signal handler that arms and returns', SYNTHETIC, {
    rule: 'R18',
  }),
  bug('s14-no-fence', ['overtake'], 'taken over from afar without a fence', SYNTHETIC, {
    vcpus: 2,
    rule: 'R28',
  }),
  bug('s14-fence-first', ['overtake'], 'a fence before the flag is raised', SYNTHETIC, {
    vcpus: 2,
    rule: 'R28',
  }),
  bug('s15-aba', ['preempt'], 'the successor read before the section: ABA', SYNTHETIC),
  bug('s16-livelock', [], 'sections that yield abort each other for ever', SYNTHETIC, {
    rule: 'R23',
    outcome: { kind: 'livelock' },
  }),
];

const FOUND: readonly BugBuild[] = [
  bug('b1-lazy-init', ['overtake'], 'a slab set up while it is popped from', 'tcmalloc 40b3da02', {
    vcpus: 2,
    rule: 'R28',
  }),
  bug('b1-no-fence', ['overtake'], 'a slab closed without a fence', 'tcmalloc 40b3da02', {
    vcpus: 2,
    rule: 'R28',
  }),
  bug('b2-resize', ['overtake'], 'a slab given back while it is popped from', 'tcmalloc fc7fff01', {
    vcpus: 2,
    rule: 'R28',
  }),
  bug('b4-same-cpu', ['preempt'], 'the same CPU taken for no interruption', 'tcmalloc 5097e1fa'),
  bug(
    'b7-stale-pointer',
    ['preempt'],
    'relies on ids being written at every reschedule',
    'google/tcmalloc#292; lkml.iu.edu/2604.2/08673.html',
    // Both twins write cpu_id_start, which a registration of 32 bytes allows: that breaks no rule.
    { kernel: 'linux-6.19' },
  ),
  bug(
    'b8-no-preempt-abort',
    ['preempt'],
    'a kernel that does not abort at a preemption',
    'the same thread: arm64',
    { kernel: 'broken-no-preempt-abort' },
  ),
  bug(
    'b10-stale-registration',
    [],
    'rseq_cs left over in an area that is registered',
    'Linux fd881d0a085f, glibc 97f60abd',
    { kernel: 'linux-6.3', rule: 'R2', outcome: KILLED },
  ),
  bug(
    'b12-clobbered-input',
    ['spurious'],
    'the abort handler destroys an input of the retry',
    'DynamoRIO#5658, tcmalloc 6351960e',
    { rule: 'R21' },
  ),
  bug(
    'b13-stale-register',
    ['preempt'],
    'a value from before the abort in the retry',
    'GCC 103908, clang 52735, librseq dd76f2d and 0fda052',
  ),
  bug(
    'b14-flags',
    ['spurious'],
    'the flag that tells of the abort is overwritten',
    'tcmalloc 13f8d075, GCC PR101428',
    { rule: 'R21' },
  ),
  bug(
    'b16-wrong-operand',
    [],
    'the last addition takes another register',
    'kernel selftests, riscv deref_addv (20250114170721)',
  ),
  bug(
    'b17-mm-cid',
    ['migrate'],
    'an index by mm_cid guarded by cpu_id',
    'librseq 40797ae, 8bfe3ec',
    {
      kernel: 'linux-6.19',
      vcpus: 2,
      rule: 'R8',
    },
  ),
  bug(
    'b19-unregistered',
    [],
    'a section before the registration: endless retry',
    'ydb nbs PR#6999, ClickHouse silk',
    { rule: 'R30', outcome: { kind: 'budget' }, defines: ['RSEQ_SCHEME_REGISTERS'] },
  ),
  bug(
    'b20-lazy-clear',
    ['spurious'],
    'a section taken to end where rseq_cs is cleared',
    'CRIU PR#1706, DynamoRIO#3433',
    { rule: 'R10' },
  ),
];

/** The seeded bugs of guest/bugs/. */
export const bugBuilds: readonly BugBuild[] = [...MADE_UP, ...FOUND];
