import {
  RSEQ_AREA,
  RSEQ_CPU_ID_UNINITIALIZED,
  RSEQ_EVENT_MIGRATE,
  RSEQ_EVENT_PREEMPT,
  RSEQ_EVENT_SIGNAL,
  RSEQ_FLAG_UNREGISTER,
} from '../../abi/rseq.ts';
import { assert } from '../../assert.ts';
import { toGuestAddress } from '../../hardware/address.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
  toUint32,
} from '../../syscalls/context.ts';
import { parameters } from '../../syscalls/parameters.ts';
import type { Task } from '../../task/task.ts';
import { armedRegionOf, armingWordOf } from '../area.ts';
import { isInside, readDescriptor, toRegion } from '../descriptor.ts';
import {
  type KernelProfile,
  NO_RANGES,
  RESUMED,
  type ResumeOutcome,
  type RseqContext,
  type RseqRegistration,
  type RseqVariant,
} from '../variant.ts';
import {
  AREA_NOT_READABLE,
  AREA_NOT_WRITABLE,
  fatal,
  inheritUnlessThread,
  isUserRange,
  requestWork,
  sendTo,
} from './parts.ts';

const SYS_RSEQ = 333;
const AREA_BYTES = 32;

/**
 * The RFC of late 2017, next to what was merged: cpu_id_start, flags, a signature and a lower bound.
 * The pointer to the descriptor is cleared at every evaluation, wherever the task is, and start_ip
 * comes before the store that arms. Mirrors kernel/rseq.c of keystone-enclave/riscv-linux at 2f9aaa8e;
 * see `inferred` below for what is not known of it.
 */
const variant: RseqVariant = {
  auxv: undefined,
  syscalls: {
    [SYS_RSEQ]: {
      name: 'rseq',
      parameters: parameters({ rseq: 'pointer', rseq_len: 'uint', flags: 'hex', sig: 'hex' }),
      support: 'full',
      note: '',
      handler: sysRseq,
    } satisfies SyscallEntry,
  },
  onSwitchOut: (task) => record(task, RSEQ_EVENT_PREEMPT),
  onMigrate: (task) => record(task, RSEQ_EVENT_MIGRATE),
  onMembarrier: () => {},
  onSignal(context) {
    record(context.task, RSEQ_EVENT_SIGNAL);
    return onResume(context);
  },
  onResume,
  onClone: inheritUnlessThread,
  armedRegion: (context) => armedRegionOf(context, 'loose'),
  armingWord: armingWordOf,
  standingRegions: () => NO_RANGES,
};

function record(task: Task, event: number): void {
  task.rseqEvents |= event;
  requestWork(task);
}

/** __rseq_handle_notify_resume: fix-up first, then the ids. */
function onResume(context: RseqContext): ResumeOutcome {
  const { task, memory } = context;
  task.notifyResume = false;
  if (task.rseq === undefined) return RESUMED;
  const outcome = fixInstructionPointer(context, task.rseq);
  if (outcome.kind === 'fatal') return outcome;
  const ids = task.rseq.address + RSEQ_AREA.cpuIdStart;
  return memory.writeU32Pair(ids, task.vcpu, task.vcpu) ? outcome : AREA_NOT_WRITABLE;
}

/** rseq_ip_fixup with rseq_get_rseq_cs: cleared before anything is validated. */
function fixInstructionPointer(
  context: RseqContext,
  { address, signature }: RseqRegistration,
): ResumeOutcome {
  const { memory, registers } = context;
  const cell = address + RSEQ_AREA.rseqCs;
  const pointer = memory.readU64(cell);
  if (pointer === undefined) return AREA_NOT_READABLE;
  if (pointer === 0n) return RESUMED;
  const descriptor = readDescriptor(memory, pointer);
  if (descriptor === undefined) return fatal('the descriptor is not readable');
  if (!memory.writeU64(cell, 0n)) return AREA_NOT_WRITABLE;
  if (descriptor.version > 0) return fatal(`descriptor version ${descriptor.version}`);
  const abort = toGuestAddress(BigInt.asUintN(64, descriptor.abortIp - 4n));
  const found = abort === undefined ? undefined : memory.readU32(abort);
  if (found !== signature) return fatal('the word before abort_ip is not the signature');
  if (!isInside(descriptor, BigInt(registers.instructionPointer))) return RESUMED;
  const needed = needsRestart(context, address, descriptor.flags);
  if (typeof needed !== 'boolean') return needed;
  if (!needed) return RESUMED;
  const region = toRegion(Number(pointer), descriptor, 'loose');
  assert(region?.abort !== undefined, 'a task is inside, and there is a signature');
  return sendTo(context, region, region.abort);
}

/** rseq_need_restart: which events the flags of area and descriptor let through. */
function needsRestart(
  { task, memory }: RseqContext,
  area: number,
  descriptorFlags: number,
): boolean | ResumeOutcome {
  const own = memory.readU32(area + RSEQ_AREA.flags);
  if (own === undefined) return AREA_NOT_READABLE;
  const flags = own | descriptorFlags;
  const others = RSEQ_EVENT_PREEMPT | RSEQ_EVENT_MIGRATE;
  if ((flags & RSEQ_EVENT_SIGNAL) !== 0 && (flags & others) !== others) {
    return fatal('NO_RESTART_ON_SIGNAL without the other two');
  }
  const events = task.rseqEvents;
  task.rseqEvents = 0;
  return (events & ~flags) !== 0;
}

function sysRseq(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { task, memory } = context;
  const [pointer] = args;
  const lengthBytes = toUint32(args[1]);
  const flags = toInt32(args[2]);
  const signature = toUint32(args[3]);
  const current = task.rseq;
  const isSame = current !== undefined && BigInt(current.address) === pointer;
  if ((flags & RSEQ_FLAG_UNREGISTER) !== 0) {
    if (!isSame || lengthBytes !== AREA_BYTES) return fails('EINVAL');
    if (current.signature !== signature) return fails('EPERM');
    const ids = current.address + RSEQ_AREA.cpuIdStart;
    if (!memory.writeU32Pair(ids, 0, RSEQ_CPU_ID_UNINITIALIZED)) return fails('EFAULT');
    task.rseq = undefined;
    return returns(0);
  }
  if (flags !== 0) return fails('EINVAL');
  if (current !== undefined) {
    if (!isSame || lengthBytes !== AREA_BYTES) return fails('EINVAL');
    return fails(current.signature === signature ? 'EBUSY' : 'EPERM');
  }
  if (lengthBytes !== AREA_BYTES || pointer % BigInt(AREA_BYTES) !== 0n) return fails('EINVAL');
  const address = toGuestAddress(pointer);
  if (address === undefined || !isUserRange(pointer, lengthBytes)) return fails('EFAULT');
  // As in 4.18: a null pointer passes all tests, and registers nothing.
  if (address === 0) return returns(0);
  task.rseq = { address, lengthBytes, signature };
  task.notifyResume = true;
  return returns(0);
}

export const RFC_2017: KernelProfile = {
  name: 'rfc-2017',
  era: 'Desnoyers, late 2017',
  aliases: [],
  differences: [
    'a lower bound at last: only a task inside [start_ip, start_ip + post_commit_offset) is aborted',
    'start_ip comes before the store that arms, and the pointer is cleared at every evaluation',
    'cpu_id_start, flags, a signature before abort_ip, and a way to unregister',
    'UNREGISTER takes stray flags; limits, wrap and overlap are not checked',
  ],
  sources: [
    'kernel/rseq.c of keystone-enclave/riscv-linux at 2f9aaa8e',
    'docs/abi/historical.md, rfc-2017',
  ],
  inferred: [
    'the call has number 333, after the 332 of Linux 4.14',
    'events, the flags that filter them, and the order of errors are as in Linux 4.18',
    'the ids are written after the fix-up, and unregistering resets them',
    'a null area is taken and registers nothing, from the order of the checks',
    'threads are unregistered, children of fork registered',
  ],
  release: '4.14.0-rseq-testbed',
  lastSyscall: 332,
  scheme: 'rfc-2017',
  rseq: variant,
};
