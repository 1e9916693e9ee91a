import { SI_CODE, SIGRTMIN } from '../abi/signal.ts';
import type { SignalInfo } from './siginfo.ts';
import {
  firstSignal,
  hasSignal,
  NO_SIGNALS,
  type SignalSet,
  SYNCHRONOUS,
  signalSet,
} from './signal-set.ts';

/** Signals that were sent and not delivered, in order of arrival (struct sigpending). Immutable. */
export type PendingSignals = readonly SignalInfo[];

export const NOTHING_PENDING: PendingSignals = [];

/** The signals of a queue as a set. */
export function setOf(pending: PendingSignals): SignalSet {
  return pending.length === 0 ? NO_SIGNALS : signalSet(...pending.map(({ signal }) => signal));
}

/** Whether a signal that is not queued is there already, so that another of it is lost. */
export function isCoalesced(pending: PendingSignals, signal: number): boolean {
  return signal < SIGRTMIN && pending.some((info) => info.signal === signal);
}

/** Without the signals of a set (flush_sigqueue_mask). */
export function without(pending: PendingSignals, set: SignalSet): PendingSignals {
  const rest = pending.filter(({ signal }) => !hasSignal(set, signal));
  return rest.length === pending.length ? pending : rest;
}

/** A signal that was taken, and the queue without it. */
export interface Taken {
  readonly info: SignalInfo;
  readonly rest: PendingSignals;
}

/** The signal to deliver next among those that are not blocked (__dequeue_signal). */
export function take(pending: PendingSignals, blocked: SignalSet): Taken | undefined {
  const open = setOf(pending) & ~blocked;
  if (open === NO_SIGNALS) return undefined;
  const signal = firstSignal(open);
  return takeFirst(pending, (info) => info.signal === signal);
}

/** The first fault of the queue, so that its frame shows the instruction that caused it. */
export function takeFault(pending: PendingSignals, blocked: SignalSet): Taken | undefined {
  if ((setOf(pending) & ~blocked & SYNCHRONOUS) === NO_SIGNALS) return undefined;
  return takeFirst(
    pending,
    ({ signal, code }) => code > SI_CODE.SI_USER && hasSignal(SYNCHRONOUS, signal),
  );
}

function takeFirst(
  pending: PendingSignals,
  isWanted: (info: SignalInfo) => boolean,
): Taken | undefined {
  const index = pending.findIndex(isWanted);
  const info = pending[index];
  return info === undefined ? undefined : { info, rest: pending.toSpliced(index, 1) };
}
