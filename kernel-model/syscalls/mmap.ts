import type { Errno } from '../abi/errno.ts';
import {
  HUGE_PAGE_SHIFT,
  MAP,
  MAP_HUGE_MASK,
  MAP_HUGE_SHIFT,
  MAP_LEGACY_MASK,
  MMAP_BASE,
  MMAP_MIN_ADDRESS,
} from '../abi/mman.ts';
import { PAGE_SIZE, pageAlign, pageStart, TASK_SIZE, TASK_SIZE_WORD } from '../hardware/address.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { findGap, PROT_EXEC, PROT_READ, PROT_WRITE } from '../mm/mapping.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toUint32,
} from './context.ts';
import { parameters } from './parameters.ts';

/** PROT_* bits that mean something to mmap(2); it ignores the others. */
export const PROTECTION_MASK = PROT_READ | PROT_WRITE | PROT_EXEC;

const STANDARD_INPUT = 0;
const STANDARD_ERROR = 2;

/** The arguments of mmap(2), checked in themselves. */
interface MmapCall {
  readonly hint: bigint;
  /** Whole pages; more than an address space holds is refused before this is made. */
  readonly lengthBytes: number;
  readonly protection: number;
  readonly flags: number;
  readonly descriptor: number;
}

/** Mirrors ksys_mmap_pgoff and do_mmap (mm/mmap.c), checks in their order. */
function sysMmap(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const flags = toUint32(args[3]);
  const descriptor = toUint32(args[4]);
  if (args[5] % BigInt(PAGE_SIZE) !== 0n) return fails('EINVAL');
  const sourceErrno = checkSource(flags, descriptor);
  if (sourceErrno !== undefined) return fails(sourceErrno);
  if (args[1] === 0n) return fails('EINVAL');
  if (args[1] > TASK_SIZE_WORD) return fails('ENOMEM');
  const call: MmapCall = {
    hint: args[0],
    lengthBytes: pageAlign(Number(args[1])),
    protection: toUint32(args[2]) & PROTECTION_MASK,
    flags,
    descriptor,
  };
  const { space } = context.memory;
  const start = has(call, MAP.FIXED | MAP.FIXED_NOREPLACE)
    ? takeFixed(space, call)
    : findFree(space, call);
  if (typeof start === 'string') return fails(start);
  const typeErrno = has(call, MAP.ANONYMOUS) ? checkAnonymous(call) : checkStream(call);
  if (typeErrno !== undefined) return fails(typeErrno);
  const left = findUnmodelled(call);
  if (left !== undefined) return { kind: 'unsupported', detail: left };
  space.map({
    start,
    end: start + call.lengthBytes,
    protection: call.protection,
    ...((flags & MAP.TYPE) === MAP.SHARED
      ? { shared: true, object: context.state.nextObject++ }
      : { shared: false }),
    name: '[anonymous]',
  });
  return returns(start);
}

function has(call: MmapCall, flag: number): boolean {
  return (call.flags & flag) !== 0;
}

/** The three standard streams are the only open files; there are no huge pages in reserve. */
function checkSource(flags: number, descriptor: number): Errno | undefined {
  const isHuge = (flags & MAP.HUGETLB) !== 0;
  if ((flags & MAP.ANONYMOUS) === 0) {
    if (descriptor > STANDARD_ERROR) return 'EBADF';
    return isHuge ? 'EINVAL' : undefined;
  }
  if (!isHuge) return undefined;
  const shift = (flags >>> MAP_HUGE_SHIFT) & MAP_HUGE_MASK;
  return shift === 0 || shift === HUGE_PAGE_SHIFT ? 'ENOMEM' : 'EINVAL';
}

function takeFixed(space: AddressSpace, call: MmapCall): number | Errno {
  if (call.hint > BigInt(TASK_SIZE - call.lengthBytes)) return 'ENOMEM';
  const start = Number(call.hint);
  if (start % PAGE_SIZE !== 0) return 'EINVAL';
  if (start < MMAP_MIN_ADDRESS) return 'EPERM';
  const end = start + call.lengthBytes;
  return has(call, MAP.FIXED_NOREPLACE) && !isFree(space, start, end) ? 'EEXIST' : start;
}

/** arch_get_unmapped_area_topdown: at the hint if that is free, else as high as possible. */
function findFree(space: AddressSpace, call: MmapCall): number | Errno {
  const { lengthBytes } = call;
  if (call.hint !== 0n && call.hint <= BigInt(TASK_SIZE - lengthBytes)) {
    const asked = pageStart(Number(call.hint));
    const start = asked !== 0 && asked < MMAP_MIN_ADDRESS ? MMAP_MIN_ADDRESS : asked;
    if (start !== 0 && isFree(space, start, start + lengthBytes)) return start;
  }
  return findGap(space.mappings, lengthBytes, MMAP_MIN_ADDRESS, MMAP_BASE) ?? 'ENOMEM';
}

function isFree(space: AddressSpace, start: number, end: number): boolean {
  return space.mappings.every((mapping) => mapping.end <= start || mapping.start >= end);
}

function checkAnonymous(call: MmapCall): Errno | undefined {
  switch (call.flags & MAP.TYPE) {
    case MAP.SHARED:
      return has(call, MAP.GROWSDOWN) ? 'EINVAL' : undefined;
    case MAP.PRIVATE:
    case MAP.DROPPABLE:
      return undefined;
    default:
      return 'EINVAL';
  }
}

/** The streams are pipes: not to be mapped, nor executed, and two of them not even to be read. */
function checkStream(call: MmapCall): Errno {
  const type = call.flags & MAP.TYPE;
  const isShared = type === MAP.SHARED || type === MAP.SHARED_VALIDATE;
  if (!isShared && type !== MAP.PRIVATE) return 'EINVAL';
  if (type === MAP.SHARED_VALIDATE && has(call, ~MAP_LEGACY_MASK)) return 'EOPNOTSUPP';
  if (call.descriptor !== STANDARD_INPUT) return 'EACCES';
  if (isShared && (call.protection & PROT_WRITE) !== 0) return 'EACCES';
  return (call.protection & PROT_EXEC) !== 0 ? 'EPERM' : 'ENODEV';
}

function findUnmodelled(call: MmapCall): string | undefined {
  if ((call.flags & MAP.TYPE) === MAP.DROPPABLE) return 'MAP_DROPPABLE';
  if (has(call, MAP.GROWSDOWN)) return 'MAP_GROWSDOWN';
  if (has(call, MAP.B32BIT)) return 'MAP_32BIT';
  return undefined;
}

export const mmap: SyscallEntry = {
  name: 'mmap',
  parameters: parameters({
    addr: 'pointer',
    len: 'size',
    prot: 'hex',
    flags: 'hex',
    fd: 'int',
    off: 'hex',
  }),
  support: 'partial',
  note: 'anonymous memory only; no limits on locked or reserved memory, no huge pages',
  handler: sysMmap,
};
