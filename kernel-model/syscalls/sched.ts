import {
  allowedVcpus,
  choosePlacement,
  dequeue,
  enqueue,
  isAllowed,
  vcpuOf,
} from '../sched/run-queue.ts';
import { place } from '../sched/wake.ts';
import type { Task } from '../task/task.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
  toUint32,
} from './context.ts';
import { parameters } from './parameters.ts';
import { copyFrom, copyTo, putU32 } from './user-access.ts';

/** cpumask_size() of a kernel for at most 64 CPUs. */
const MASK_BYTES = 8;
const BITS_PER_BYTE = 8;
/** There is one NUMA node. */
const NODE_ID = 0;

function sysYield({ state, task }: SyscallContext): SyscallResult {
  return vcpuOf(state, task.vcpu).queue.length > 0 ? { kind: 'yield' } : returns(0);
}

/** find_process_by_pid: the caller for 0, else any live thread. */
function findTask({ state, task }: SyscallContext, tid: number): Task | undefined {
  if (tid === 0) return task;
  return state.tasks.find((other) => other.tid === tid && other.state.kind !== 'dead');
}

/** Mirrors kernel/sched/syscalls.c: a short mask is zero-extended, a long one cut off. */
function sysSetaffinity(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { state, memory } = context;
  const lengthBytes = Math.min(toUint32(args[1]), MASK_BYTES);
  const bytes = lengthBytes === 0 ? new Uint8Array(0) : copyFrom(memory, args[2], lengthBytes);
  if (bytes === undefined) return fails('EFAULT');
  const target = findTask(context, toInt32(args[0]));
  if (target === undefined) return fails('ESRCH');
  const allowed = allowedVcpus(state, toMask(bytes));
  if (allowed.length === 0) return fails('EINVAL');
  target.affinity = allowed.reduce((mask, vcpu) => mask | (1n << BigInt(vcpu)), 0n);
  if (!isAllowed(target.affinity, target.vcpu)) moveAway(context, target);
  return returns(0);
}

function toMask(bytes: Uint8Array): bigint {
  return bytes.reduceRight((mask, byte) => (mask << 8n) | BigInt(byte), 0n);
}

/** Moves a task off a vCPU it may no longer use; a blocked one moves when it wakes. */
function moveAway(context: SyscallContext, task: Task): void {
  const { state, profile, choose } = context;
  switch (task.state.kind) {
    case 'running':
      profile.rseq.onSwitchOut(task);
      vcpuOf(state, task.vcpu).current = 0;
      break;
    case 'ready':
      dequeue(state, task);
      break;
    case 'blocked':
    case 'dead':
      return;
  }
  place(context, task, choosePlacement(state, task, undefined, choose));
  enqueue(state, task);
}

/** Returns how many bytes of mask there are; the length is checked as the kernel computes it. */
function sysGetaffinity(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { state, memory } = context;
  const lengthBytes = toUint32(args[1]);
  const lengthBits = (lengthBytes * BITS_PER_BYTE) >>> 0;
  if (lengthBits < state.vcpus.length || lengthBytes % MASK_BYTES !== 0) return fails('EINVAL');
  const target = findTask(context, toInt32(args[0]));
  if (target === undefined) return fails('ESRCH');
  const mask = new Uint8Array(MASK_BYTES);
  new DataView(mask.buffer).setBigUint64(0, target.affinity, true);
  return copyTo(memory, args[2], mask) ? returns(MASK_BYTES) : fails('EFAULT');
}

/** Mirrors kernel/sys.c: both words are tried; the third argument is not used. */
function sysGetcpu({ memory, task }: SyscallContext, args: SyscallArguments): SyscallResult {
  const [cpu, node] = args;
  const isCpuWritten = cpu === 0n || putU32(memory, cpu, task.vcpu);
  const isNodeWritten = node === 0n || putU32(memory, node, NODE_ID);
  return isCpuWritten && isNodeWritten ? returns(0) : fails('EFAULT');
}

export const schedYield: SyscallEntry = {
  name: 'sched_yield',
  parameters: [],
  support: 'full',
  note: '',
  handler: sysYield,
};

export const schedSetaffinity: SyscallEntry = {
  name: 'sched_setaffinity',
  parameters: parameters({ pid: 'int', len: 'uint', user_mask_ptr: 'pointer' }),
  support: 'full',
  note: '',
  handler: sysSetaffinity,
};

export const schedGetaffinity: SyscallEntry = {
  name: 'sched_getaffinity',
  parameters: parameters({ pid: 'int', len: 'uint', user_mask_ptr: 'pointer' }),
  support: 'full',
  note: '',
  handler: sysGetaffinity,
};

export const getcpu: SyscallEntry = {
  name: 'getcpu',
  parameters: parameters({ cpup: 'pointer', nodep: 'pointer', unused: 'pointer' }),
  support: 'full',
  note: '',
  handler: sysGetcpu,
};
