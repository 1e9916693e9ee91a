import type { KernelContext, Vcpu } from '../kernel-state.ts';
import { taskOf, vcpuOf } from '../sched/run-queue.ts';
import type { Task } from '../task/task.ts';
import { settleRseq } from './settle.ts';
import type { SliceOutcome } from './variant.ts';

/** Whether the vCPU's task, which is to be rescheduled, has its time slice extended instead. */
export function keepsSlice(context: KernelContext, vcpu: Vcpu): boolean {
  const { slice } = context.profile.rseq;
  if (slice === undefined || vcpu.needResched) return false;
  const task = taskOf(context.state, vcpu.current);
  const outcome = slice.grant(context.rseqContext(task), context.state.now);
  conclude(context, task, outcome);
  return outcome === 'granted';
}

/** The granted time of a task is over. */
export function expireSlice(context: KernelContext, task: Task): void {
  const { slice } = context.profile.rseq;
  if (slice === undefined) return;
  conclude(context, task, slice.expire(context.rseqContext(task)));
  vcpuOf(context.state, task.vcpu).needResched = true;
}

/** A system call begins: whether that ended an extended slice, so that the task gives way. */
export function endsSlice(context: KernelContext, task: Task, number: number): boolean {
  const { slice } = context.profile.rseq;
  if (slice === undefined || task.rseqSlice?.granted !== true) return false;
  return conclude(context, task, slice.enterSyscall(context.rseqContext(task), number));
}

/** Whether a slice ended; a fault at its control word is SIGSEGV. */
function conclude(context: KernelContext, task: Task, outcome: SliceOutcome): boolean {
  if (outcome !== 'fatal') return outcome === 'ended';
  const reason = 'slice_ctrl of struct rseq cannot be used';
  settleRseq(context, task, { kind: 'fatal', reason });
  return false;
}
