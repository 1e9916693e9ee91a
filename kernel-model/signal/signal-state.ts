import { SIG_DFL, SS } from '../abi/signal.ts';
import type { GuestAddress } from '../hardware/address.ts';
import { NOTHING_PENDING, type PendingSignals } from './pending.ts';
import { NO_SIGNALS, type SignalSet } from './signal-set.ts';

/** What a process does with one signal (struct k_sigaction). Immutable. */
export interface SignalAction {
  /** SIG_DFL, SIG_IGN, or the handler's address. */
  readonly handler: bigint;
  /** SA_* bits. */
  readonly flags: number;
  readonly restorer: bigint;
  readonly mask: SignalSet;
}

const DEFAULT_ACTION: SignalAction = {
  handler: SIG_DFL,
  flags: 0,
  restorer: 0n,
  mask: NO_SIGNALS,
};

/** sigaltstack(2)'s stack (sas_ss_*). */
export interface AlternateStack {
  readonly pointer: bigint;
  readonly sizeBytes: bigint;
  /** SS_* bits, as given. */
  readonly flags: number;
}

/** The state after sas_ss_reset. */
export const NO_ALTERNATE_STACK: AlternateStack = {
  pointer: 0n,
  sizeBytes: 0n,
  flags: SS.DISABLE,
};

/** What the last exception left in struct thread_struct; every later frame shows it. */
export interface ExceptionRecord {
  readonly vector: number;
  readonly errorCode: number;
  readonly cr2: bigint;
}

/** What restart_syscall(2) goes on with (struct restart_block). */
export type RestartBlock =
  | { readonly kind: 'none' }
  | { readonly kind: 'sleep'; readonly deadline: number; readonly remainderAddress: bigint }
  | {
      readonly kind: 'futex';
      readonly address: GuestAddress;
      readonly isPrivate: boolean;
      readonly value: number;
      readonly bitset: number;
      readonly deadline: number;
    };

/** The signal state of a thread: a value, replaced as a whole. */
export interface TaskSignals {
  /** Blocked signals. */
  readonly mask: SignalSet;
  /** What rt_sigsuspend replaced (saved_sigmask while TIF_RESTORE_SIGMASK is set). */
  readonly savedMask: SignalSet | undefined;
  /** Signals sent to this thread alone. */
  readonly pending: PendingSignals;
  readonly altStack: AlternateStack;
  readonly exception: ExceptionRecord;
  readonly restart: RestartBlock;
}

export const INITIAL_TASK_SIGNALS: TaskSignals = {
  mask: NO_SIGNALS,
  savedMask: undefined,
  pending: NOTHING_PENDING,
  altStack: { pointer: 0n, sizeBytes: 0n, flags: 0 },
  exception: { vector: 0, errorCode: 0, cr2: 0n },
  restart: { kind: 'none' },
};

/** The signal state that the threads of a process share: a value, replaced as a whole. */
export interface ProcessSignals {
  /** Signals sent to the process. */
  readonly pending: PendingSignals;
  /** By signal number; what is absent is the default. */
  readonly actions: Readonly<Record<number, SignalAction>>;
  /** The thread that took the last signal to the process (curr_target). */
  readonly target: number;
}

/** What a process does with a signal. */
export function actionOf({ actions }: ProcessSignals, signal: number): SignalAction {
  return actions[signal] ?? DEFAULT_ACTION;
}

/** The same with another action for one signal. */
export function withAction(
  signals: ProcessSignals,
  signal: number,
  action: SignalAction,
): ProcessSignals {
  return { ...signals, actions: { ...signals.actions, [signal]: action } };
}
