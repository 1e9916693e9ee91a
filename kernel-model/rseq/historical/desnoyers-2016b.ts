import {
  fails,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
} from '../../syscalls/context.ts';
import { parameters } from '../../syscalls/parameters.ts';
import { copyFrom } from '../../syscalls/user-access.ts';
import {
  type ArmedRegion,
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
  sendTo,
} from './parts.ts';
import { registerForGood } from './registration.ts';

const SYS_RSEQ = 332;
/** struct rseq of late 2016: byte offsets. The first two fields are one 64-bit word to user code. */
const AREA = { cpuId: 0, eventCounter: 4, rseqCs: 8, size: 16 } as const;
/** struct rseq_cs of then: start_ip, post_commit_ip, abort_ip. */
const DESCRIPTOR = { postCommitIp: 8, abortIp: 16, size: 24 } as const;

/**
 * Desnoyers' rseq of July to December 2016: one pointer in the area arms a section, to a descriptor
 * of three addresses. start_ip is for debuggers only: any resume of a task below post_commit_ip goes
 * to abort_ip. Mirrors kernel/rseq.c of sbourdelin/linux at 2dcd7f4e; see `inferred` below for what it
 * does not say.
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
    const word = fieldOf(context.task, AREA.rseqCs);
    const pointer = word === undefined ? undefined : context.memory.readU64(word);
    return pointer === undefined || pointer === 0n ? undefined : readRegion(context, pointer);
  },
  armingWord: (task) => fieldOf(task, AREA.rseqCs),
  standingRegions: () => NO_RANGES,
};

/** The region of a descriptor; `undefined` if it cannot be read. */
function readRegion({ memory }: RseqContext, pointer: bigint): ArmedRegion | undefined {
  const bytes = copyFrom(memory, pointer, DESCRIPTOR.size);
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer);
  return {
    source: Number(pointer),
    start: undefined,
    end: Number(view.getBigUint64(DESCRIPTOR.postCommitIp, true)),
    abort: Number(view.getBigUint64(DESCRIPTOR.abortIp, true)),
  };
}

/** The counter and CPU number, then rseq_ip_fixup. */
function onResume(context: RseqContext): ResumeOutcome {
  const { task, memory, registers } = context;
  task.notifyResume = false;
  if (task.rseq === undefined) return RESUMED;
  const { address } = task.rseq;
  task.rseqEventCounter = (task.rseqEventCounter + 1) >>> 0;
  if (!memory.writeU32Pair(address + AREA.cpuId, task.vcpu, task.rseqEventCounter)) {
    return AREA_NOT_WRITABLE;
  }
  const cell = address + AREA.rseqCs;
  const pointer = memory.readU64(cell);
  if (pointer === undefined) return AREA_NOT_READABLE;
  if (pointer === 0n) return RESUMED;
  const region = readRegion(context, pointer);
  if (region === undefined) return fatal('the descriptor is not readable');
  if (registers.instructionPointer >= region.end) return RESUMED;
  if (!memory.writeU64(cell, 0n)) return AREA_NOT_WRITABLE;
  return sendTo(context, region, region.abort ?? 0);
}

function register(context: SyscallContext, args: SyscallArguments): SyscallResult {
  if (toInt32(args[1]) !== 0) return fails('EINVAL');
  return registerForGood(context, args[0], { lengthBytes: AREA.size, alignBytes: 8 });
}

export const DESNOYERS_2016B: KernelProfile = {
  name: 'desnoyers-2016b',
  era: 'Desnoyers, July to December 2016',
  aliases: [],
  differences: [
    'a section is armed by a pointer to a descriptor {start_ip, post_commit_ip, abort_ip}',
    'start_ip is not used: any resume below post_commit_ip goes to abort_ip',
    'handlers and tails must lie at or above post_commit_ip while the pointer is set',
    'the pointer is cleared on abort only, not when the task is found beyond the section',
  ],
  sources: [
    'kernel/rseq.c of sbourdelin/linux at 2dcd7f4e, uapi/linux/rseq.h at 2dabbdaf',
    'docs/abi/historical.md, desnoyers-2016b',
  ],
  inferred: [
    'the call has number 332, after the 331 of Linux 4.9',
    'the area is 16 bytes aligned to 8 as in the stored code, not 128 aligned to 64 as in a draft page',
    'the counter starts at 0 when the thread is created',
    'delivering a signal is a resume',
    'threads are unregistered, children of fork registered',
  ],
  release: '4.9.0-rseq-testbed',
  lastSyscall: 331,
  scheme: 'desnoyers-2016b',
  rseq: variant,
};
