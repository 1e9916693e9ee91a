import { syscallName } from '../abi/syscall-numbers.ts';
import type { KernelProfile } from '../rseq/variant.ts';
import type { SyscallEntry } from './context.ts';
import { SYSCALLS } from './table.ts';

export type SyscallLookup =
  | { readonly kind: 'modelled'; readonly entry: SyscallEntry }
  /** The profile's kernel has it, the model does not. */
  | { readonly kind: 'unmodelled'; readonly name: string }
  /** The profile's kernel answers ENOSYS. */
  | { readonly kind: 'unknown' };

const UNKNOWN: SyscallLookup = { kind: 'unknown' };

/** What a system call number means to the kernel of a profile; `number` is an int, as in rax. */
export function lookupSyscall(profile: KernelProfile, number: number): SyscallLookup {
  const added = profile.rseq.syscalls[number];
  if (added !== undefined) return { kind: 'modelled', entry: added };
  if (number > profile.lastSyscall || profile.absentSyscalls?.has(number)) return UNKNOWN;
  const entry = SYSCALLS[number];
  if (entry !== undefined) return { kind: 'modelled', entry };
  const name = syscallName(number);
  return name === undefined ? UNKNOWN : { kind: 'unmodelled', name };
}
