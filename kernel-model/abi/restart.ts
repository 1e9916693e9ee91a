/**
 * What an interrupted system call leaves in rax until the return to user mode (linux/errno.h), as
 * positive numbers; user code never sees them.
 */
export const RESTART = {
  /** Again, unless a handler without SA_RESTART runs: then EINTR. */
  ERESTARTSYS: 512n,
  /** Again in any case. */
  ERESTARTNOINTR: 513n,
  /** Again, unless a handler runs. */
  ERESTARTNOHAND: 514n,
  /** By restart_syscall(2), unless a handler runs. */
  ERESTART_RESTARTBLOCK: 516n,
} as const;

export const SYS_RESTART_SYSCALL = 219n;
