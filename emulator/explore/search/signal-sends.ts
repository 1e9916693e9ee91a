import { SIGNALS } from '../../../kernel-model/abi/signal.ts';
import type { KernelState } from '../../../kernel-model/kernel-state.ts';
import { isIgnored } from '../../../kernel-model/signal/send.ts';
import { processOf } from '../../../kernel-model/task/process.ts';
import type { Task } from '../../../kernel-model/task/task.ts';

const KILL = 62;
const RT_SIGQUEUEINFO = 129;
const TKILL = 200;
const TGKILL = 234;
const RT_TGSIGQUEUEINFO = 297;
const EXIT = 60;
const EXIT_GROUP = 231;

/** A system call that a task is about to make. */
export interface CallAhead {
  readonly number: number;
  /** Its first two arguments. */
  readonly args: readonly [number, number];
}

/**
 * Whether a task's next system call can send another task a signal: when it is made decides where the
 * receiver is caught.
 */
export function sendsSignal(state: KernelState, task: Task, { number, args }: CallAhead): boolean {
  switch (number) {
    case KILL:
    case RT_SIGQUEUEINFO:
      return true;
    case TKILL:
      return args[0] !== task.tid;
    case TGKILL:
    case RT_TGSIGQUEUEINFO:
      return args[1] !== task.tid;
    case EXIT:
    case EXIT_GROUP:
      return tellsParent(state, task);
    default:
      return false;
  }
}

/** The end of a child is a SIGCHLD to its parent. */
function tellsParent(state: KernelState, task: Task): boolean {
  const { parent } = processOf(state, task);
  const process = parent === undefined ? undefined : state.processes[parent];
  return process !== undefined && !isIgnored(process, SIGNALS.SIGCHLD);
}
