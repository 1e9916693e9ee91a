import {
  fails,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
} from '../../syscalls/context.ts';
import { parameters } from '../../syscalls/parameters.ts';
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
  fieldOf,
  inheritUnlessThread,
  openRegion,
  sendTo,
} from './parts.ts';
import { registerForGood } from './registration.ts';

const SYS_RSEQ = 329;
/** struct rseq of mid 2016: byte offsets. */
const AREA = { cpuId: 0, eventCounter: 4, postCommitIp: 8, size: 16 } as const;

/**
 * Desnoyers' first rseq (mid 2016), Turner's second scheme under a new call: an event counter a
 * thread, post_commit_ip in the area, the failure address in rcx and the expected counter in edx.
 * Since every resume advances the counter, every resume before post_commit_ip aborts. Mirrors
 * kernel/rseq.c of djwatson/linux-percpu-dev; see `inferred` below for what it does not say.
 */
const variant: RseqVariant = {
  ...EVERY_RESUME,
  auxv: undefined,
  syscalls: {
    [SYS_RSEQ]: {
      name: 'rseq',
      parameters: parameters({ rseq: 'pointer', flags: 'hex' }),
      support: 'full',
      note: '',
      handler: register,
    } satisfies SyscallEntry,
  },
  onSignal: onResume,
  onResume,
  onClone: inheritUnlessThread,
  armedRegion(context) {
    const word = fieldOf(context.task, AREA.postCommitIp);
    if (word === undefined) return undefined;
    const { memory, registers } = context;
    return openRegion(memory.readU64AsNumber(word), Number(registers.read('rcx')));
  },
  armingWord: (task) => fieldOf(task, AREA.postCommitIp),
  standingRegions: () => NO_RANGES,
};

/** rseq_update_cpu_id_event_counter, then rseq_post_commit_ip with the test of rdx. */
function onResume(context: RseqContext): ResumeOutcome {
  const { task, memory, registers } = context;
  task.notifyResume = false;
  if (task.rseq === undefined) return RESUMED;
  const { address } = task.rseq;
  task.rseqEventCounter = (task.rseqEventCounter + 1) >>> 0;
  if (!memory.writeU32Pair(address + AREA.cpuId, task.vcpu, task.rseqEventCounter)) {
    return AREA_NOT_WRITABLE;
  }
  const cell = address + AREA.postCommitIp;
  const postCommit = memory.readU64(cell);
  if (postCommit === undefined) return AREA_NOT_READABLE;
  if (registers.instructionPointer >= Number(postCommit)) return RESUMED;
  if (BigInt.asUintN(32, registers.read('rdx')) === BigInt(task.rseqEventCounter)) return RESUMED;
  const region = openRegion(Number(postCommit), Number(registers.read('rcx')));
  if (!memory.writeU64(cell, 0n)) return AREA_NOT_WRITABLE;
  return region === undefined ? RESUMED : sendTo(context, region, region.abort ?? 0);
}

function register(context: SyscallContext, args: SyscallArguments): SyscallResult {
  if (toInt32(args[1]) !== 0) return fails('EINVAL');
  return registerForGood(context, args[0], { lengthBytes: AREA.size, alignBytes: 8 });
}

export const DESNOYERS_2016A: KernelProfile = {
  name: 'desnoyers-2016a',
  era: 'Desnoyers, mid 2016',
  aliases: [],
  differences: [
    'an event counter a thread advances at every resume, so every resume inside aborts',
    'failure address in rcx, expected counter in edx, post_commit_ip in the area',
    'there is no lower bound: any address below post_commit_ip counts as inside',
    'rseq(ptr, flags) registers for good; NULL asks, the same address again is 0',
  ],
  sources: [
    'kernel/rseq.c, uapi/linux/rseq.h of djwatson/linux-percpu-dev at 26b8e91a, ptrace.h at 106fa2e4',
    'docs/abi/historical.md, desnoyers-2016a',
  ],
  inferred: [
    'the call has number 329, after the 328 of Linux 4.6 and 4.7',
    'the counter starts at 0 when the thread is created',
    'delivering a signal is a resume',
    'threads are unregistered, children of fork registered',
  ],
  release: '4.7.0-rseq-testbed',
  lastSyscall: 328,
  scheme: 'desnoyers-2016a',
  rseq: variant,
};
