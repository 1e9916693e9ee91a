import {
  ORIG_RSEQ_SIZE,
  RSEQ_AREA,
  RSEQ_CPU_ID_UNINITIALIZED,
  RSEQ_FLAG_UNREGISTER,
} from '../abi/rseq.ts';
import { type GuestAddress, TASK_SIZE_WORD, toGuestAddress } from '../hardware/address.ts';
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
import type { RseqRegistration } from './variant.ts';

/** The arguments of rseq(2), narrowed as the kernel does. */
export interface RegistrationRequest {
  readonly pointer: bigint;
  readonly lengthBytes: number;
  readonly flags: number;
  readonly signature: number;
}

/** Which areas a kernel takes. */
export interface AreaShape {
  /** The alignment of an area longer than 32 bytes; undefined: there is no longer one. */
  readonly extendedAlignBytes: number | undefined;
  /** The shortest one longer than 32 bytes. */
  readonly extendedMinimumBytes: number;
}

/** Where kernels differ in rseq(2): docs/abi/mainline.md. */
export interface RegistrationRules {
  readonly shape: AreaShape;
  /** Flags of a registration, as a mask. */
  readonly registerFlags: number;
  /** Whether an unregistration with other flags is refused. */
  readonly refusesUnregisterFlags: boolean;
  /** Writes what the call itself writes when it registers; false is EFAULT, and nothing changes. */
  prepareArea(memory: UserMemory, area: GuestAddress, request: RegistrationRequest): boolean;
  /** What else registering does to the task, whose registration is set. */
  onRegistered(task: Task, request: RegistrationRequest): void;
  /** Writes what an area holds that is given up; false is EFAULT. */
  resetArea(memory: UserMemory, area: GuestAddress): boolean;
  /** Whether a reset that faults kills the thread besides. */
  isResetFaultFatal: boolean;
}

/**
 * rseq(2) of mainline Linux (kernel/rseq.c, SYSCALL_DEFINE4(rseq)), checks in its order, with what
 * differs from release to release given by `rules`.
 */
export function rseqSyscall(rules: RegistrationRules): SyscallEntry {
  return {
    name: 'rseq',
    parameters: [
      { name: 'rseq', format: 'pointer' },
      { name: 'rseq_len', format: 'uint' },
      { name: 'flags', format: 'hex' },
      { name: 'sig', format: 'hex' },
    ],
    support: 'full',
    note: '',
    handler: (context, args) => sysRseq(rules, context, args),
  };
}

function sysRseq(
  rules: RegistrationRules,
  context: SyscallContext,
  args: SyscallArguments,
): SyscallResult {
  const request: RegistrationRequest = {
    pointer: args[0],
    lengthBytes: toUint32(args[1]),
    flags: toInt32(args[2]),
    signature: toUint32(args[3]),
  };
  return (request.flags & RSEQ_FLAG_UNREGISTER) !== 0
    ? unregister(rules, context, request)
    : register(rules, context, request);
}

function unregister(
  rules: RegistrationRules,
  { task, memory }: SyscallContext,
  request: RegistrationRequest,
): SyscallResult {
  const current = task.rseq;
  if (rules.refusesUnregisterFlags && request.flags !== RSEQ_FLAG_UNREGISTER) {
    return fails('EINVAL');
  }
  if (current === undefined || BigInt(current.address) !== request.pointer) return fails('EINVAL');
  if (current.lengthBytes !== request.lengthBytes) return fails('EINVAL');
  if (current.signature !== request.signature) return fails('EPERM');
  if (!rules.resetArea(memory, current.address)) {
    const failed = fails('EFAULT');
    if (!rules.isResetFaultFatal) return failed;
    return { kind: 'segfault', value: failed.value, reason: 'the rseq area cannot be reset' };
  }
  task.rseq = undefined;
  task.rseqSlice = undefined;
  return returns(0);
}

function register(
  rules: RegistrationRules,
  { task, memory }: SyscallContext,
  request: RegistrationRequest,
): SyscallResult {
  if ((request.flags & ~rules.registerFlags) !== 0) return fails('EINVAL');
  if (task.rseq !== undefined) return registerAgain(task.rseq, request);
  if (!isShapeValid(rules.shape, request)) return fails('EINVAL');
  if (!isUserRange(request.pointer, request.lengthBytes)) return fails('EFAULT');
  const address = toGuestAddress(request.pointer);
  if (address === undefined || !rules.prepareArea(memory, address, request)) return fails('EFAULT');
  // A null pointer passes all tests of kernels that do not touch the area, and registers nothing.
  if (address === 0) return returns(0);
  task.rseq = { address, lengthBytes: request.lengthBytes, signature: request.signature };
  task.notifyResume = true;
  rules.onRegistered(task, request);
  return returns(0);
}

function registerAgain(current: RseqRegistration, request: RegistrationRequest): SyscallResult {
  const isSame =
    BigInt(current.address) === request.pointer && current.lengthBytes === request.lengthBytes;
  if (!isSame) return fails('EINVAL');
  return fails(current.signature === request.signature ? 'EBUSY' : 'EPERM');
}

/** The first struct rseq, or one with at least the fields that the kernel publishes. */
function isShapeValid(shape: AreaShape, { pointer, lengthBytes }: RegistrationRequest): boolean {
  if (lengthBytes === ORIG_RSEQ_SIZE) return pointer % BigInt(ORIG_RSEQ_SIZE) === 0n;
  const { extendedAlignBytes, extendedMinimumBytes } = shape;
  if (extendedAlignBytes === undefined || lengthBytes < ORIG_RSEQ_SIZE) return false;
  return lengthBytes >= extendedMinimumBytes && pointer % BigInt(extendedAlignBytes) === 0n;
}

/** access_ok: a range test only, not a mapping test. */
function isUserRange(pointer: bigint, lengthBytes: number): boolean {
  return pointer < TASK_SIZE_WORD && pointer + BigInt(lengthBytes) <= TASK_SIZE_WORD;
}

/** Writes the initial state of an area: both CPU numbers, and node_id and mm_cid if it has them. */
export function initialiseIds(
  memory: UserMemory,
  area: number,
  cpuIdStart: number,
  hasNodeAndCid: boolean,
): boolean {
  const isWritten =
    memory.writeU32(area + RSEQ_AREA.cpuIdStart, cpuIdStart) &&
    memory.writeU32(area + RSEQ_AREA.cpuId, RSEQ_CPU_ID_UNINITIALIZED);
  if (!isWritten || !hasNodeAndCid) return isWritten;
  return memory.writeU32(area + RSEQ_AREA.nodeId, 0) && memory.writeU32(area + RSEQ_AREA.mmCid, 0);
}

/** clear_rseq_cs of a registration since 6.15: only a stale word is written. */
export function clearStalePointer(memory: UserMemory, area: number): boolean {
  const stale = memory.readU64(area + RSEQ_AREA.rseqCs);
  if (stale === undefined) return false;
  return stale === 0n || memory.writeU64(area + RSEQ_AREA.rseqCs, 0n);
}
