import {
  ORIG_RSEQ_SIZE,
  RSEQ_AREA,
  RSEQ_CPU_ID_UNINITIALIZED,
  RSEQ_FLAG_UNREGISTER,
} from '../abi/rseq.ts';
import { TASK_SIZE_WORD, toGuestAddress } from '../hardware/address.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
  toUint32,
} from '../syscalls/context.ts';
import type { Task } from '../task/task.ts';

interface RegistrationRequest {
  readonly pointer: bigint;
  readonly lengthBytes: number;
  readonly flags: number;
  readonly signature: number;
}

/** rseq(2) of Linux 6.15 to 6.18 (kernel/rseq.c, SYSCALL_DEFINE4(rseq)), checks in its order. */
export const RSEQ_SYSCALL: SyscallEntry = {
  name: 'rseq',
  parameters: [
    { name: 'rseq', format: 'pointer' },
    { name: 'rseq_len', format: 'uint' },
    { name: 'flags', format: 'hex' },
    { name: 'sig', format: 'hex' },
  ],
  support: 'full',
  note: '',
  handler: sysRseq,
};

function sysRseq(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const request: RegistrationRequest = {
    pointer: args[0],
    lengthBytes: toUint32(args[1]),
    flags: toInt32(args[2]),
    signature: toUint32(args[3]),
  };
  return (request.flags & RSEQ_FLAG_UNREGISTER) !== 0
    ? unregister(context, request)
    : register(context, request);
}

function unregister(context: SyscallContext, request: RegistrationRequest): SyscallResult {
  const { task, memory } = context;
  const current = task.rseq;
  if (request.flags !== RSEQ_FLAG_UNREGISTER) return fails('EINVAL');
  if (current === undefined || BigInt(current.address) !== request.pointer) return fails('EINVAL');
  if (current.lengthBytes !== request.lengthBytes) return fails('EINVAL');
  if (current.signature !== request.signature) return fails('EPERM');
  if (!resetIds(memory, current.address)) return fails('EFAULT');
  task.rseq = undefined;
  return returns(0);
}

/** rseq_reset_rseq_cpu_node_id. */
function resetIds(memory: UserMemory, area: number): boolean {
  return (
    memory.writeU32(area + RSEQ_AREA.cpuIdStart, 0) &&
    memory.writeU32(area + RSEQ_AREA.cpuId, RSEQ_CPU_ID_UNINITIALIZED) &&
    memory.writeU32(area + RSEQ_AREA.nodeId, 0) &&
    memory.writeU32(area + RSEQ_AREA.mmCid, 0)
  );
}

function register(context: SyscallContext, request: RegistrationRequest): SyscallResult {
  const { task, memory } = context;
  if (request.flags !== 0) return fails('EINVAL');
  if (task.rseq !== undefined) return registerAgain(task, request);
  if (!isAreaShapeValid(request)) return fails('EINVAL');
  if (!isUserRange(request.pointer, request.lengthBytes)) return fails('EFAULT');
  const address = toGuestAddress(request.pointer);
  if (address === undefined) return fails('EFAULT');
  const stale = memory.readU64(address + RSEQ_AREA.rseqCs);
  if (stale === undefined) return fails('EFAULT');
  if (stale !== 0n && !memory.writeU64(address + RSEQ_AREA.rseqCs, 0n)) return fails('EFAULT');
  task.rseq = { address, lengthBytes: request.lengthBytes, signature: request.signature };
  task.notifyResume = true;
  return returns(0);
}

function registerAgain(task: Task, request: RegistrationRequest): SyscallResult {
  const current = task.rseq;
  if (
    current === undefined ||
    BigInt(current.address) !== request.pointer ||
    current.lengthBytes !== request.lengthBytes
  ) {
    return fails('EINVAL');
  }
  return fails(current.signature === request.signature ? 'EBUSY' : 'EPERM');
}

/** Length at least 32, pointer aligned to 32: both spellings of the kernel's test come to this. */
function isAreaShapeValid(request: RegistrationRequest): boolean {
  return request.lengthBytes >= ORIG_RSEQ_SIZE && request.pointer % BigInt(ORIG_RSEQ_SIZE) === 0n;
}

/** access_ok: a range test only, not a mapping test. */
function isUserRange(pointer: bigint, lengthBytes: number): boolean {
  return pointer < TASK_SIZE_WORD && pointer + BigInt(lengthBytes) <= TASK_SIZE_WORD;
}
