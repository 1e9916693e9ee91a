import { SIGNALS } from '../abi/signal.ts';

/** A set of signals as sigset_t holds it: bit n - 1 stands for signal n. */
export type SignalSet = bigint;

export const NO_SIGNALS: SignalSet = 0n;

/** The set of these signals. */
export function signalSet(...signals: readonly number[]): SignalSet {
  return signals.reduce((set, signal) => set | (1n << BigInt(signal - 1)), NO_SIGNALS);
}

/** Whether a set holds a signal. */
export function hasSignal(set: SignalSet, signal: number): boolean {
  return ((set >> BigInt(signal - 1)) & 1n) !== 0n;
}

/** The signal of a set that is delivered first (next_signal): faults, then the lowest number. */
export function firstSignal(set: SignalSet): number {
  const faults = set & SYNCHRONOUS;
  let rest = faults === NO_SIGNALS ? set : faults;
  let signal = 1;
  for (; (rest & 1n) === 0n; rest >>= 1n) signal++;
  return signal;
}

const { SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGSEGV, SIGCHLD, SIGCONT } = SIGNALS;
const { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ, SIGWINCH, SIGSYS } = SIGNALS;

/** SYNCHRONOUS_MASK: what an instruction causes. */
export const SYNCHRONOUS = signalSet(SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS);
/** sig_kernel_only: no handler, never blocked. */
export const UNCATCHABLE = signalSet(SIGKILL, SIGSTOP);
/** sig_kernel_stop: the default action stops the process. */
export const STOPPING = signalSet(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU);
/** sig_kernel_ignore: the default action is none. */
export const IGNORED_BY_DEFAULT = signalSet(SIGCONT, SIGCHLD, SIGWINCH, SIGURG);
/** sig_kernel_coredump: the thread that takes it ends the process, not its sender. */
export const DUMPING = SYNCHRONOUS | signalSet(SIGNALS.SIGQUIT, SIGABRT, SIGXCPU, SIGXFSZ);
