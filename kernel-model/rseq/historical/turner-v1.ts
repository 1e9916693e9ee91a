import { toGuestAddress } from '../../hardware/address.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
} from '../../syscalls/context.ts';
import { parameters } from '../../syscalls/parameters.ts';
import {
  type ArmedRegion,
  type KernelProfile,
  RESUMED,
  type ResumeOutcome,
  type RseqContext,
  type RseqVariant,
} from '../variant.ts';
import {
  AREA_NOT_WRITABLE,
  EVERY_RESUME,
  inheritUnlessThread,
  isUserRange,
  NO_REGIONS,
  sendTo,
} from './parts.ts';

const SYS_RESTARTABLE_SEQUENCES = 323;
const SET_CRITICAL = 0;
const SET_CPU_POINTER = 1;
const CPU_POINTER_BYTES = 4;

/**
 * Turner and Hunter's first proposal (June 2015) in the form with several ranges (October 2015): a
 * process registers ranges of code with a restart address each, a thread a word that the kernel
 * keeps its CPU number in. A registered thread found inside a range on its way back to user mode
 * goes to the restart address. Mirrors kernel/restartable_sequences.c of that tree; see `inferred`
 * below for what no source says.
 */
const variant: RseqVariant = {
  ...EVERY_RESUME,
  ...NO_REGIONS,
  auxv: undefined,
  syscalls: {
    [SYS_RESTARTABLE_SEQUENCES]: {
      name: 'restartable_sequences',
      parameters: parameters({ op: 'int', flags: 'hex', v1: 'hex', v2: 'hex', v3: 'hex' }),
      support: 'full',
      note: '',
      handler: restartableSequences,
    } satisfies SyscallEntry,
  },
  onSignal: onResume,
  onResume,
  onClone: inheritUnlessThread,
  armedRegion: (context) =>
    context.task.rseq === undefined ? undefined : rangeAtInstruction(context),
  standingRegions: ({ rseq }) => rseq.ranges,
};

function rangeAtInstruction({ process, registers }: RseqContext): ArmedRegion | undefined {
  const ip = registers.instructionPointer;
  return process.rseq.ranges.find(({ start, end }) => ip >= (start ?? 0) && ip < end);
}

/** Lookup, jump and the store of the CPU number. */
function onResume(context: RseqContext): ResumeOutcome {
  const { task, memory } = context;
  task.notifyResume = false;
  if (task.rseq === undefined) return RESUMED;
  if (!memory.writeU32(task.rseq.address, task.vcpu)) return AREA_NOT_WRITABLE;
  const region = rangeAtInstruction(context);
  return region === undefined ? RESUMED : sendTo(context, region, region.abort ?? 0);
}

/** restartable_sequences(op, flags, v1, v2, v3); the flags are not looked at. */
function restartableSequences(context: SyscallContext, args: SyscallArguments): SyscallResult {
  switch (toInt32(args[0])) {
    case SET_CRITICAL:
      return setCritical(context, args[2], args[3], args[4]);
    case SET_CPU_POINTER:
      return setCpuPointer(context, args[2]);
    default:
      return fails('EINVAL');
  }
}

function setCritical(
  context: SyscallContext,
  start: bigint,
  end: bigint,
  restart: bigint,
): SyscallResult {
  const { process } = context;
  const [first, last, handler] = [start, end, restart].map(toGuestAddress);
  if (start >= end) return fails('EINVAL');
  if (first === undefined || last === undefined || handler === undefined) return fails('EINVAL');
  if (leaderOf(context)?.rseq !== undefined) return fails('EBUSY');
  const { ranges } = process.rseq;
  if (ranges.some((one) => first < one.end && (one.start ?? 0) < last)) return fails('EBUSY');
  const added: ArmedRegion = { source: first, start: first, end: last, abort: handler };
  process.rseq = { ...process.rseq, ranges: [...ranges, added] };
  return returns(0);
}

/** A thread whose leader has none computes EINVAL, which that source then forgets to return. */
function setCpuPointer(context: SyscallContext, pointer: bigint): SyscallResult {
  const { task } = context;
  const address = toGuestAddress(pointer);
  if (address === undefined || !isUserRange(pointer, CPU_POINTER_BYTES)) return fails('EINVAL');
  if (pointer === 0n) {
    task.rseq = undefined;
    return returns(0);
  }
  const leader = leaderOf(context);
  if (leader !== task && leader?.rseq === undefined) return returns(0);
  task.rseq = { address, lengthBytes: CPU_POINTER_BYTES, signature: 0 };
  task.notifyResume = true;
  return returns(0);
}

function leaderOf({ state, process }: SyscallContext) {
  return state.tasks.find(({ tid }) => tid === process.tgid);
}

export const TURNER_V1: KernelProfile = {
  name: 'turner-v1',
  era: 'Turner and Hunter, June 2015; several ranges: Watson, October 2015',
  aliases: [],
  differences: [
    'a process registers ranges of code with a restart address each; they are armed all the time',
    'a thread registers a word that the kernel keeps its CPU number in',
    'a registered thread that is preempted, migrated or signalled inside a range restarts',
    'ranges must be registered before the first thread registers its word (EBUSY)',
    'a thread that registers before its leader is told 0 and stays unregistered',
  ],
  sources: [
    'kernel/restartable_sequences.c and arch/x86 parts of sbourdelin/linux at 75fb6897 and 253fc019',
    'docs/abi/historical.md, turner-v1',
  ],
  inferred: [
    'the stored source, with several ranges, is the follow-up of October 2015',
    'the system call is number 323, the next free one of Linux 4.1, whose last one is 322',
    'the interrupted instruction pointer is not put into r10',
    'an unregistered thread is never sent to a restart address',
    'the CPU number is stored before the ranges are looked up',
    'children of fork inherit the word and the ranges, threads the ranges only',
  ],
  release: '4.1.0-rseq-testbed',
  lastSyscall: 322,
  scheme: 'turner-v1',
  rseq: variant,
};
