import type { Errno } from '../abi/errno.ts';
import { ERRNO } from '../abi/errno.ts';
import type { TaskRegisters } from '../hardware/registers.ts';
import type { KernelContext } from '../kernel-state.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { BlockedState, Process, Task } from '../task/task.ts';

/** Everything a system call handler may use. Made anew for each call; handlers keep nothing. */
export interface SyscallContext extends KernelContext {
  readonly task: Task;
  readonly process: Process;
  readonly memory: UserMemory;
  readonly registers: TaskRegisters;
}

/** The six argument words: rdi, rsi, rdx, r10, r8, r9. */
export type SyscallArguments = readonly [bigint, bigint, bigint, bigint, bigint, bigint];

export type SyscallResult =
  /** Goes to rax; negative values are errnos. */
  | { readonly kind: 'return'; readonly value: bigint }
  /** The task leaves its vCPU; whoever wakes it sets rax. */
  | { readonly kind: 'block'; readonly state: BlockedState }
  /** Returns 0 and asks for another task to be picked. */
  | { readonly kind: 'yield' }
  /** Goes to rax, and SIGSEGV is forced besides; `reason` is for messages. */
  | { readonly kind: 'segfault'; readonly value: bigint; readonly reason: string }
  /** The registers are as they are to be. */
  | { readonly kind: 'restored' }
  /** The task, or its whole group, is gone. */
  | { readonly kind: 'exited' }
  /** We do not model this; `detail` completes the sentence "... is not supported". */
  | { readonly kind: 'unsupported'; readonly detail: string };

/** How much of a system call is modelled: shown by `syscalls` and in the README. */
export type SupportLevel = 'full' | 'partial';

/** How an argument is printed by --strace. */
export type ArgumentFormat = 'int' | 'uint' | 'hex' | 'pointer' | 'size' | 'buffer' | 'string';

/** One line of the system call table. */
export interface SyscallEntry {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly format: ArgumentFormat }[];
  readonly support: SupportLevel;
  /** What is left out, or done differently; empty for none. */
  readonly note: string;
  readonly handler: (context: SyscallContext, args: SyscallArguments) => SyscallResult;
}

type Returned = Extract<SyscallResult, { kind: 'return' }>;

/** A successful result. */
export function returns(value: number | bigint): Returned {
  return { kind: 'return', value: BigInt(value) };
}

/** A failed result: -errno. */
export function fails(errno: Errno): Returned {
  return { kind: 'return', value: BigInt(-ERRNO[errno]) };
}

/** The low 32 bits of an argument as a signed int, as C code narrows them. */
export function toInt32(word: bigint): number {
  return Number(BigInt.asIntN(32, word));
}

/** The low 32 bits of an argument as an unsigned int. */
export function toUint32(word: bigint): number {
  return Number(BigInt.asUintN(32, word));
}
