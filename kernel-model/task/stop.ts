import { SIGNALS } from '../abi/signal.ts';
import type { KernelContext } from '../kernel-state.ts';
import { dequeue, vcpuOf } from '../sched/run-queue.ts';
import { resumeTask } from '../sched/wake.ts';
import { interruptionResult } from '../signal/wake.ts';
import { liveTasks } from './process.ts';
import { type Process, STOPPED, type Task } from './task.ts';

/** do_signal_stop: all threads of a process stop at once; what they wait for is interrupted. */
export function stopProcess(context: KernelContext, process: Process, signal: number): void {
  process.stop = { isStopped: true, unreported: signal };
  for (const task of liveTasks(context.state, process)) stopTask(context, task);
}

function stopTask(context: KernelContext, task: Task): void {
  const { state, host, profile } = context;
  switch (task.state.kind) {
    case 'running':
      profile.rseq.onSwitchOut(task);
      vcpuOf(state, task.vcpu).current = 0;
      break;
    case 'ready':
      dequeue(state, task);
      break;
    case 'blocked': {
      const result = interruptionResult(context, task, task.state);
      // What no signal interrupts stops when it wakes up.
      if (result === undefined) return;
      host.registers(task.id).write('rax', BigInt.asUintN(64, result));
      break;
    }
    case 'stopped':
    case 'dead':
      return;
  }
  task.hasSignalWork = true;
  task.state = STOPPED;
}

/** What SIGCONT does first, whatever its action is; whether the process was stopped. */
export function continueProcess(context: KernelContext, process: Process): boolean {
  if (!process.stop.isStopped) return false;
  process.stop = { isStopped: false, unreported: SIGNALS.SIGCONT };
  for (const task of liveTasks(context.state, process)) {
    if (task.state.kind === 'stopped') resumeTask(context, task);
  }
  return true;
}
