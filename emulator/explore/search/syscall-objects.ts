import {
  FUTEX,
  FUTEX_CLOCK_REALTIME,
  FUTEX_PRIVATE_FLAG,
} from '../../../kernel-model/abi/futex.ts';
import { SYS_RSEQ } from '../../../kernel-model/abi/rseq.ts';
import type { Task } from '../../../kernel-model/task/task.ts';

/** What a system call has to do with others besides the user memory that it accesses. */
export interface SyscallScope {
  /** Kernel objects by name. */
  readonly objects: readonly string[];
  /** It may have to do with anything. */
  readonly isGlobal: boolean;
  /** It changes nothing that anybody could notice. */
  readonly isIdle: boolean;
}

const GLOBAL: SyscallScope = { objects: [], isGlobal: true, isIdle: false };
const LOCAL: SyscallScope = { objects: [], isGlobal: false, isIdle: false };
const IDLE: SyscallScope = { objects: [], isGlobal: false, isIdle: true };

/** Which tasks there are. */
export const TASKS_OBJECT = 'tasks';

const SYS = {
  write: 1,
  schedYield: 24,
  getpid: 39,
  clone: 56,
  exit: 60,
  uname: 63,
  archPrctl: 158,
  gettid: 186,
  futex: 202,
  setTidAddress: 218,
  setRobustList: 273,
  getcpu: 309,
  clone3: 435,
} as const;

const IDLE_CALLS: ReadonlySet<number> = new Set([SYS.schedYield, SYS.getpid, SYS.gettid]);
/** They concern the calling task alone. */
const LOCAL_CALLS: ReadonlySet<number> = new Set([
  SYS.uname,
  SYS.archPrctl,
  SYS.setTidAddress,
  SYS.setRobustList,
  SYS.getcpu,
  SYS_RSEQ,
]);
const CLONE_VM = 0x100n;

/** The number and the arguments of the call that a task is about to make. */
export interface PendingCall {
  readonly number: number;
  readonly args: readonly bigint[];
}

/**
 * What a task's next system call has to do with others. Calls that are not known to be harmless may
 * have to do with anything.
 */
export function scopeOf({ number, args }: PendingCall, task: Task): SyscallScope {
  if (IDLE_CALLS.has(number)) return IDLE;
  if (LOCAL_CALLS.has(number)) return LOCAL;
  switch (number) {
    case SYS.write:
      return touching('output');
    case SYS.clone:
      return ((args[0] ?? 0n) & CLONE_VM) === 0n ? GLOBAL : touching(TASKS_OBJECT);
    case SYS.exit:
      // Who is the last one decides how the process ends.
      return task.robustList === 0n ? touching(TASKS_OBJECT, futexAt(task.clearChildTid)) : GLOBAL;
    case SYS.futex:
      return futexScope(args);
    default:
      return GLOBAL;
  }
}

function futexScope(args: readonly bigint[]): SyscallScope {
  const operation = Number(BigInt.asUintN(32, args[1] ?? 0n));
  switch (operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) {
    case FUTEX.WAIT:
    case FUTEX.WAIT_BITSET:
    case FUTEX.WAKE:
    case FUTEX.WAKE_BITSET:
      return touching(futexAt(Number(args[0] ?? 0n)));
    default:
      return GLOBAL;
  }
}

function futexAt(address: number): string {
  return `futex ${address}`;
}

function touching(...objects: string[]): SyscallScope {
  return { objects, isGlobal: false, isIdle: false };
}
