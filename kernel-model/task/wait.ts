import { GUEST_USER_ID } from '../abi/auxv.ts';
import { ERRNO } from '../abi/errno.ts';
import { SI_CODE, SIGINFO, SIGNALS } from '../abi/signal.ts';
import { RUSAGE_BYTES, WAIT } from '../abi/wait.ts';
import type { KernelContext } from '../kernel-state.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import { wakeTask } from '../sched/wake.ts';
import { copyTo, putU32 } from '../syscalls/user-access.ts';
import { liveTasks } from './process.ts';
import type { ChildWait, Process, ProcessEnding, Task } from './task.ts';

/** What became of a child. */
interface ChildEvent {
  readonly child: Process;
  /** CLD_* and si_status. */
  readonly code: number;
  readonly status: number;
  /** As wait4(2) packs it. */
  readonly packed: number;
}

const STOPPED_MARK = 0x7f;
const CONTINUED_STATUS = 0xffff;

/** How an ended process shows to its parent: si_code, si_status, and the word of wait4(2). */
export function describeEnding(ending: ProcessEnding): Omit<ChildEvent, 'child'> {
  return ending.kind === 'exit'
    ? { code: SI_CODE.CLD_EXITED, status: ending.status, packed: ending.status << 8 }
    : { code: SI_CODE.CLD_KILLED, status: ending.signal, packed: ending.signal };
}

/**
 * do_wait without its sleep: takes a child's event in, tells it to the caller's memory, and returns
 * what the call does. 'none' if there is no such child, 'later' if there is but nothing has happened.
 */
export function collectChild(
  context: KernelContext,
  parent: Process,
  wait: ChildWait,
): bigint | 'none' | 'later' {
  let isPossible = false;
  for (const child of context.state.processes) {
    if (child.parent !== parent.id || child.isReaped || !isMeant(child, wait)) continue;
    if (child.ending === undefined) isPossible = true;
    const event = eventOf(child, wait.options);
    if (event === undefined) continue;
    if ((wait.options & WAIT.NOWAIT) === 0) takeEvent(child);
    return tell(context.memoryOf(parent), wait, event);
  }
  return isPossible ? 'later' : 'none';
}

/** eligible_child. */
function isMeant(child: Process, { selector, options }: ChildWait): boolean {
  if (selector.kind === 'process' && child.tgid !== selector.pid) return false;
  if (selector.kind === 'group' && child.group !== selector.group) return false;
  if ((options & WAIT.ALL) !== 0) return true;
  const isClone = child.exitSignal !== SIGNALS.SIGCHLD;
  return isClone === ((options & WAIT.CLONE) !== 0);
}

/** wait_consider_task. */
function eventOf(child: Process, options: number): ChildEvent | undefined {
  const { ending, stop } = child;
  if (ending !== undefined) {
    return (options & WAIT.EXITED) === 0 ? undefined : { child, ...describeEnding(ending) };
  }
  if (stop.unreported === 0) return undefined;
  const status = stop.unreported;
  if (stop.isStopped) {
    const packed = (status << 8) | STOPPED_MARK;
    const isWanted = (options & WAIT.STOPPED) !== 0;
    return isWanted ? { child, code: SI_CODE.CLD_STOPPED, status, packed } : undefined;
  }
  const isWanted = (options & WAIT.CONTINUED) !== 0;
  const packed = CONTINUED_STATUS;
  return isWanted ? { child, code: SI_CODE.CLD_CONTINUED, status, packed } : undefined;
}

function takeEvent(child: Process): void {
  if (child.ending !== undefined) child.isReaped = true;
  else child.stop = { ...child.stop, unreported: 0 };
}

/** Writes what the call tells of a child; no CPU time is counted. */
function tell(memory: UserMemory, wait: ChildWait, event: ChildEvent): bigint {
  const { form, statusAddress, usageAddress } = wait;
  const fault = BigInt(-ERRNO.EFAULT);
  if (usageAddress !== 0n && !copyTo(memory, usageAddress, new Uint8Array(RUSAGE_BYTES))) {
    return fault;
  }
  if (form === 'wait4') {
    const isTold = statusAddress === 0n || putU32(memory, statusAddress, event.packed);
    return isTold ? BigInt(event.child.tgid) : fault;
  }
  return writeWaitInfo(memory, statusAddress, event) ? 0n : fault;
}

/** The members of siginfo_t that waitid(2) sets, all zero without an event. */
export function writeWaitInfo(
  memory: UserMemory,
  address: bigint,
  event: ChildEvent | undefined,
): boolean {
  if (address === 0n) return true;
  const head = [event === undefined ? 0 : SIGNALS.SIGCHLD, 0, event?.code ?? 0];
  const pid = event?.child.tgid ?? 0;
  const user = event === undefined ? 0 : GUEST_USER_ID;
  const fields = [pid, user, event?.status ?? 0];
  return (
    copyTo(memory, address, toBytes(head)) &&
    copyTo(memory, address + BigInt(SIGINFO.fields), toBytes(fields))
  );
}

function toBytes(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => {
    view.setInt32(4 * i, word, true);
  });
  return bytes;
}

/** What a wait that was told `outcome` returns; `undefined` to go on waiting. */
export function waitResult(outcome: ReturnType<typeof collectChild>): bigint | undefined {
  if (outcome === 'later') return undefined;
  return outcome === 'none' ? BigInt(-ERRNO.ECHILD) : outcome;
}

/** __wake_up_parent: the threads of a parent that wait for children look again. */
export function retryWaits(context: KernelContext, parent: Process): void {
  for (const task of liveTasks(context.state, parent)) {
    const wait = childWaitOf(task);
    if (wait === undefined) continue;
    const result = waitResult(collectChild(context, parent, wait));
    if (result !== undefined) wakeTask(context, task, result);
  }
}

function childWaitOf({ state }: Task): ChildWait | undefined {
  return state.kind === 'blocked' && state.wait.kind === 'child' ? state.wait : undefined;
}
