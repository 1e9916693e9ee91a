import { PROT_GROWSDOWN, PROT_GROWSUP, PROT_SEM } from '../abi/mman.ts';
import {
  PAGE_SIZE,
  pageAlign,
  TASK_SIZE,
  TASK_SIZE_WORD,
  toGuestAddress,
} from '../hardware/address.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { PROT_READ, PROT_WRITE } from '../mm/mapping.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
} from './context.ts';
import { PROTECTION_MASK } from './mmap.ts';
import { parameters } from './parameters.ts';

const PAGE_SIZE_WORD = BigInt(PAGE_SIZE);

/** do_vmi_munmap: holes in the range are no error. */
function sysMunmap({ memory }: SyscallContext, args: SyscallArguments): SyscallResult {
  const [start, length] = args;
  if (start % PAGE_SIZE_WORD !== 0n || start > TASK_SIZE_WORD) return fails('EINVAL');
  if (length > TASK_SIZE_WORD - start || length === 0n) return fails('EINVAL');
  memory.space.unmap(Number(start), Number(start) + pageAlign(Number(length)));
  return returns(0);
}

/** do_mprotect_pkey: what lies before a hole is changed, then comes ENOMEM. */
function sysMprotect({ memory }: SyscallContext, args: SyscallArguments): SyscallResult {
  const [start, length, requested] = args;
  const grows = BigInt(PROT_GROWSDOWN | PROT_GROWSUP);
  const protection = requested & ~grows;
  if ((requested & grows) === grows || start % PAGE_SIZE_WORD !== 0n) return fails('EINVAL');
  if (length === 0n) return returns(0);
  const alignedLength = BigInt.asUintN(64, (length + PAGE_SIZE_WORD - 1n) & -PAGE_SIZE_WORD);
  if (BigInt.asUintN(64, start + alignedLength) <= start) return fails('ENOMEM');
  if (protection > BigInt(PROTECTION_MASK | PROT_SEM)) return fails('EINVAL');
  const address = toGuestAddress(start);
  if (address === undefined) return fails('ENOMEM');
  const end = Math.min(TASK_SIZE, Number(start + alignedLength));
  const mappedEnd = findMappedEnd(memory.space, address, end);
  if (mappedEnd > address) {
    if ((requested & grows) !== 0n) return protectGrowing(memory.space, address);
    memory.space.protect(address, mappedEnd, Number(protection) & PROTECTION_MASK);
  }
  return start + alignedLength > BigInt(mappedEnd) ? fails('ENOMEM') : returns(0);
}

/** Only a mapping that grows takes PROT_GROWSDOWN: the first stack, which is mapped whole here. */
function protectGrowing(space: AddressSpace, address: number): SyscallResult {
  return space.mappingAt(address)?.name === '[stack]'
    ? { kind: 'unsupported', detail: 'PROT_GROWSDOWN on the stack' }
    : fails('EINVAL');
}

/** The end of the mapped memory that begins at `start`, at most `end`; `start` if there is none. */
function findMappedEnd(space: AddressSpace, start: number, end: number): number {
  let mappedEnd = start;
  while (mappedEnd < end) {
    const mapping = space.mappingAt(mappedEnd);
    if (mapping === undefined) return mappedEnd;
    mappedEnd = Math.min(end, mapping.end);
  }
  return mappedEnd;
}

/**
 * brk(2) as the kernel has it: returns the break, moved or not. A page stays free below the next
 * mapping.
 */
function sysBrk({ memory }: SyscallContext, args: SyscallArguments): SyscallResult {
  const { space } = memory;
  const wanted = toGuestAddress(args[0]);
  if (wanted === undefined || wanted < space.breakStart) return returns(space.breakEnd);
  const oldEnd = pageAlign(space.breakEnd);
  const newEnd = pageAlign(wanted);
  if (newEnd < oldEnd) space.unmap(newEnd, oldEnd);
  if (newEnd > oldEnd) {
    const isBlocked = space.mappings.some(
      (mapping) => mapping.start < newEnd + PAGE_SIZE && mapping.end > oldEnd,
    );
    if (isBlocked || newEnd >= TASK_SIZE) return returns(space.breakEnd);
    space.map({
      start: oldEnd,
      end: newEnd,
      protection: PROT_READ | PROT_WRITE,
      shared: false,
      name: '[heap]',
    });
  }
  space.breakEnd = wanted;
  return returns(wanted);
}

export const munmap: SyscallEntry = {
  name: 'munmap',
  parameters: parameters({ addr: 'pointer', len: 'size' }),
  support: 'full',
  note: '',
  handler: sysMunmap,
};

export const mprotect: SyscallEntry = {
  name: 'mprotect',
  parameters: parameters({ start: 'pointer', len: 'size', prot: 'hex' }),
  support: 'partial',
  note: 'execute-only memory stays readable; no PROT_GROWSDOWN',
  handler: sysMprotect,
};

export const brk: SyscallEntry = {
  name: 'brk',
  parameters: parameters({ brk: 'pointer' }),
  support: 'full',
  note: '',
  handler: sysBrk,
};
