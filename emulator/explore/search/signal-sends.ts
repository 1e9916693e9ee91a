import { SIGNALS } from '../../../kernel-model/abi/signal.ts';
import { syscallName } from '../../../kernel-model/abi/syscall-numbers.ts';
import type { KernelState } from '../../../kernel-model/kernel-state.ts';
import { isIgnored } from '../../../kernel-model/signal/send.ts';
import { processOf } from '../../../kernel-model/task/process.ts';
import type { Task } from '../../../kernel-model/task/task.ts';

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
  switch (syscallName(number)) {
    case 'kill':
    case 'rt_sigqueueinfo':
      return true;
    case 'tkill':
      return args[0] !== task.tid;
    case 'tgkill':
    case 'rt_tgsigqueueinfo':
      return args[1] !== task.tid;
    case 'exit':
    case 'exit_group':
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
