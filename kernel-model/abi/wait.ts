/** Options of wait4(2) and waitid(2): include/uapi/linux/wait.h. */
export const WAIT = {
  NOHANG: 0x1,
  /** WUNTRACED of wait4, WSTOPPED of waitid. */
  STOPPED: 0x2,
  EXITED: 0x4,
  CONTINUED: 0x8,
  NOWAIT: 0x100_0000,
  NOTHREAD: 0x2000_0000,
  ALL: 0x4000_0000,
  CLONE: 0x8000_0000,
} as const;

/** `which` of waitid(2). */
export const WAIT_ID = { ALL: 0, PID: 1, PGID: 2, PIDFD: 3 } as const;

/** Size of struct rusage. */
export const RUSAGE_BYTES = 144;
