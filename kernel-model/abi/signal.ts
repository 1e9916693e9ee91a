/** Signal numbers of x86-64 Linux (asm/signal.h), 1 to 31. */
export const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const;

/** Signals from here on are queued, one entry a sending. */
export const SIGRTMIN = 32;
/** The highest signal number (_NSIG). */
export const SIGNAL_MAX = 64;
/** Size of the kernel's sigset_t, which every rt_ system call wants to be told. */
export const SIGSET_BYTES = 8;

/** si_code values (asm-generic/siginfo.h) that the model produces. */
export const SI_CODE = {
  SEGV_MAPERR: 1,
  SEGV_ACCERR: 2,
  ILL_ILLOPN: 2,
  FPE_INTDIV: 1,
  CLD_EXITED: 1,
  CLD_KILLED: 2,
  CLD_STOPPED: 5,
  CLD_CONTINUED: 6,
  SI_USER: 0,
  SI_TKILL: -6,
  SI_KERNEL: 128,
} as const;

/** Values of sa_handler that are no address. */
export const SIG_DFL = 0n;
export const SIG_IGN = 1n;

/** Bits of sa_flags (asm-generic/signal-defs.h and x86's own). */
export const SA = {
  NOCLDSTOP: 0x1,
  NOCLDWAIT: 0x2,
  SIGINFO: 0x4,
  EXPOSE_TAGBITS: 0x800,
  RESTORER: 0x400_0000,
  ONSTACK: 0x800_0000,
  RESTART: 0x1000_0000,
  NODEFER: 0x4000_0000,
  RESETHAND: 0x8000_0000,
} as const;

/** struct sigaction as rt_sigaction(2) has it: byte offsets. */
export const SIGACTION = { handler: 0, flags: 8, restorer: 16, mask: 24, size: 32 } as const;

/** `how` of rt_sigprocmask(2). */
export const SIG_HOW = { BLOCK: 0, UNBLOCK: 1, SETMASK: 2 } as const;

/** ss_flags of sigaltstack(2). */
export const SS = { ONSTACK: 1, DISABLE: 2, AUTODISARM: 0x8000_0000 } as const;
export const MINSIGSTKSZ = 2048n;
/** stack_t: byte offsets. */
export const STACK_T = { pointer: 0, flags: 8, sizeBytes: 16, size: 24 } as const;

/** siginfo_t: byte offsets; the fields depend on what sent the signal. */
export const SIGINFO = {
  signal: 0,
  errno: 4,
  code: 8,
  fields: 16,
  /** What the kernel keeps of it. */
  keptBytes: 48,
  size: 128,
} as const;

/** The name of a signal number, for messages. */
export function signalName(signal: number): string {
  return Object.entries(SIGNALS).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`;
}

/** The number that a name such as SIGUSR1 or USR1 stands for. */
export function signalNumber(name: string): number | undefined {
  const whole = name.startsWith('SIG') ? name : `SIG${name}`;
  return Object.entries(SIGNALS).find(([known]) => known === whole)?.[1];
}
