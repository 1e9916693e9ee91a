import {
  fails,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
} from '../../syscalls/context.ts';
import { parameters } from '../../syscalls/parameters.ts';
import { getU64 } from '../../syscalls/user-access.ts';
import {
  type KernelProfile,
  NO_RANGES,
  RESUMED,
  type ResumeOutcome,
  type RseqContext,
  type RseqVariant,
} from '../variant.ts';
import {
  AREA_NOT_READABLE,
  AREA_NOT_WRITABLE,
  EVERY_RESUME,
  fatal,
  fieldOf,
  inheritUnlessThread,
  openRegion,
  sendTo,
} from './parts.ts';
import { registerForGood } from './registration.ts';

const SYS_RSEQ = 329;
/** The thread's record: byte offsets. The kernel writes `currentCpu`, user code the rest. */
const RECORD = {
  postCommitRip: 0,
  abortRip: 8,
  currentCpu: 16,
  expectedCpu: 20,
  countAddress: 24,
  expectedCount: 32,
  size: 40,
} as const;

/**
 * Lutomirski's counter-proposal (April 2016): event counts live in user memory, and user code bumps
 * the count of what it works on when it enters a section. The kernel only looks, on the way back to
 * user mode: a task before its post_commit_rip goes to abort_rip if it is on another CPU than it
 * expected, or if the count is not what it expected. Preemption as such changes nothing. What is known
 * is what a reply quotes; the rest is a model that satisfies it: see `inferred` below.
 */
const variant: RseqVariant = {
  ...EVERY_RESUME,
  auxv: undefined,
  syscalls: {
    [SYS_RSEQ]: {
      name: 'rseq',
      parameters: parameters({ record: 'pointer', flags: 'hex' }),
      support: 'full',
      note: '',
      handler: register,
    } satisfies SyscallEntry,
  },
  onSignal: onResume,
  onResume,
  onClone: inheritUnlessThread,
  armedRegion({ task, memory }) {
    if (task.rseq === undefined) return undefined;
    const { address } = task.rseq;
    const end = memory.readU64AsNumber(address + RECORD.postCommitRip);
    return openRegion(end, memory.readU64AsNumber(address + RECORD.abortRip));
  },
  armingWord: (task) => fieldOf(task, RECORD.postCommitRip),
  standingRegions: () => NO_RANGES,
};

function onResume(context: RseqContext): ResumeOutcome {
  const { task, memory, registers } = context;
  task.notifyResume = false;
  if (task.rseq === undefined) return RESUMED;
  const { address } = task.rseq;
  if (!memory.writeU32(address + RECORD.currentCpu, task.vcpu)) return AREA_NOT_WRITABLE;
  const postCommit = memory.readU64(address + RECORD.postCommitRip);
  if (postCommit === undefined) return AREA_NOT_READABLE;
  if (postCommit === 0n || registers.instructionPointer >= Number(postCommit)) return RESUMED;
  const isConflict = hasConflict(context, address);
  if (isConflict === undefined) return fatal('the event count is not readable');
  if (!isConflict) return RESUMED;
  const abort = memory.readU64(address + RECORD.abortRip);
  if (abort === undefined) return AREA_NOT_READABLE;
  const region = openRegion(Number(postCommit), Number(abort));
  if (!memory.writeU64(address + RECORD.postCommitRip, 0n)) return AREA_NOT_WRITABLE;
  return region === undefined ? RESUMED : sendTo(context, region, Number(abort));
}

/** Whether CPU or count are other than expected; `undefined` where a word cannot be read. */
function hasConflict({ task, memory }: RseqContext, record: number): boolean | undefined {
  const cpu = memory.readU32(record + RECORD.expectedCpu);
  const where = memory.readU64(record + RECORD.countAddress);
  const expected = memory.readU64(record + RECORD.expectedCount);
  if (cpu === undefined || where === undefined || expected === undefined) return undefined;
  if (cpu !== task.vcpu) return true;
  const count = getU64(memory, where);
  return count === undefined ? undefined : count !== expected;
}

function register(context: SyscallContext, args: SyscallArguments): SyscallResult {
  if (args[1] !== 0n) return fails('EINVAL');
  return registerForGood(context, args[0], { lengthBytes: RECORD.size, alignBytes: 8 });
}

export const LUTOMIRSKI_2016: KernelProfile = {
  name: 'lutomirski-2016',
  era: 'Lutomirski, April 2016 (never posted as a patch)',
  aliases: [],
  differences: [
    'event counts are in user memory, one for each CPU and object; user code bumps them',
    'only a conflict aborts: another CPU, or another count than expected',
    'a section can be single-stepped while its thread is pinned, and long ones survive load',
    'a bogus expected count forces an abort at the next resume',
  ],
  sources: [
    'Desnoyers on linux-kernel, 8 April 2016, quoting it in the thread on restartable sequences v2',
    'docs/abi/historical.md, lutomirski-2016',
  ],
  inferred: [
    'the record: post_commit_rip, abort_rip, current and expected CPU, count address, expected count',
    'the call rseq(record, flags), number 329 after the 328 of Linux 4.6, and its errnos',
    'there is no lower bound: any address below post_commit_rip counts as inside',
    'user code bumps a count when it enters a section, with one locked instruction',
    'the kernel tells the CPU number in the record at every resume and clears post_commit_rip on abort',
    'an event count that cannot be read is SIGSEGV',
    'a signal is a resume like another: a handler that works on the same object bumps its count',
    'threads are unregistered, children of fork registered',
  ],
  release: '4.6.0-rseq-testbed',
  lastSyscall: 328,
  scheme: 'lutomirski-2016',
  rseq: variant,
};
