import { CLONE } from '../../abi/clone.ts';
import { type GuestAddress, TASK_SIZE_WORD } from '../../hardware/address.ts';
import type { Task } from '../../task/task.ts';
import {
  type ArmedRegion,
  NO_RANGES,
  type ResumeOutcome,
  type RseqContext,
  type RseqVariant,
} from '../variant.ts';

/*
 * What the ABIs of 2015 to 2017 have in common: each variant names the parts it is made of.
 */

/** An event asks for work before the return to user mode, in a registered thread. */
export function requestWork(task: Task): void {
  if (task.rseq !== undefined) task.notifyResume = true;
}

/** Every context switch and migration asks for work; rseq membarriers came with Linux 5.10. */
export const EVERY_RESUME: Pick<RseqVariant, 'onSwitchOut' | 'onMigrate' | 'onMembarrier'> = {
  onSwitchOut: requestWork,
  onMigrate: requestWork,
  onMembarrier: () => {},
};

/** An ABI that knows no region at all. */
export const NO_REGIONS: Pick<RseqVariant, 'armedRegion' | 'armingWord' | 'standingRegions'> = {
  armedRegion: () => undefined,
  armingWord: () => undefined,
  standingRegions: () => NO_RANGES,
};

/** Children of fork inherit the registration, threads do not; before Linux 5.5 CLONE_THREAD told. */
export function inheritUnlessThread(parent: Task, child: Task, flags: bigint): void {
  if ((flags & CLONE.THREAD) !== 0n) return;
  child.rseq = parent.rseq;
  child.rseqEvents = parent.rseqEvents;
  child.rseqEventCounter = parent.rseqEventCounter;
  child.notifyResume = parent.rseq !== undefined;
}

/** The address of a field of the registered area. */
export function fieldOf(task: Task, offset: number): GuestAddress | undefined {
  return task.rseq === undefined ? undefined : ((task.rseq.address + offset) as GuestAddress);
}

/** The kernel forces SIGSEGV. */
export function fatal(reason: string): ResumeOutcome {
  return { kind: 'fatal', reason };
}

export const AREA_NOT_WRITABLE = fatal('the registered area is not writable');
export const AREA_NOT_READABLE = fatal('the registered area is not readable');

/** Sends the task from where it is to `target`. */
export function sendTo(
  { registers }: RseqContext,
  region: ArmedRegion,
  target: number,
): ResumeOutcome {
  const from = registers.instructionPointer;
  registers.instructionPointer = target;
  return { kind: 'aborted', region, from };
}

/** A region without lower bound that a post-commit address names; `undefined` for none. */
export function openRegion(postCommit: number, abort: number): ArmedRegion | undefined {
  if (postCommit === 0) return undefined;
  return { source: postCommit, start: undefined, end: postCommit, abort };
}

/** access_ok: a range test only, not a mapping test. */
export function isUserRange(pointer: bigint, lengthBytes: number): boolean {
  return pointer < TASK_SIZE_WORD && pointer + BigInt(lengthBytes) <= TASK_SIZE_WORD;
}
