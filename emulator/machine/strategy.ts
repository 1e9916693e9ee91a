import type { KernelState } from '../../kernel-model/kernel-state.ts';
import type { ChoicePoint, Decision } from '../../kernel-model/sched/decision.ts';

/** What a strategy may look at. It must not change anything. */
export interface ScheduleView {
  readonly state: KernelState;
}

/** Thrown by a strategy that has no decision for this situation: a replay that diverged. */
export class ScheduleDivergence extends Error {}

/**
 * The source of every choice. One object serves one run; the machine validates and records what it
 * says, and calls `next` only when some vCPU runs a task or has one queued.
 */
export interface Strategy {
  next(view: ScheduleView): Decision;
  /** Index of one of two or more candidates. */
  choose(point: ChoicePoint): number;
}
