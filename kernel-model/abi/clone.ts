/** Flags of clone(2) and clone3(2): include/uapi/linux/sched.h. */
export const CLONE = {
  /** clone3 only; in clone(2) the low byte is the exit signal. */
  NEWTIME: 0x80n,
  VM: 0x100n,
  FS: 0x200n,
  FILES: 0x400n,
  SIGHAND: 0x800n,
  PIDFD: 0x1000n,
  PTRACE: 0x2000n,
  VFORK: 0x4000n,
  PARENT: 0x8000n,
  THREAD: 0x1_0000n,
  NEWNS: 0x2_0000n,
  SYSVSEM: 0x4_0000n,
  SETTLS: 0x8_0000n,
  PARENT_SETTID: 0x10_0000n,
  CHILD_CLEARTID: 0x20_0000n,
  DETACHED: 0x40_0000n,
  UNTRACED: 0x80_0000n,
  CHILD_SETTID: 0x100_0000n,
  NEWUSER: 0x1000_0000n,
  NEWPID: 0x2000_0000n,
  IO: 0x8000_0000n,
  CLEAR_SIGHAND: 0x1_0000_0000n,
  INTO_CGROUP: 0x2_0000_0000n,
} as const;

/** The exit signal in the flags of clone(2). */
export const CSIGNAL = 0xffn;
/** Every flag that the 32 bits of clone(2) can carry. */
export const CLONE_LEGACY_FLAGS = 0xffff_ffffn;
/** The highest signal number (_NSIG). */
export const LAST_SIGNAL = 64n;

/** struct clone_args: byte offsets, and its sizes over time. */
export const CLONE_ARGS = {
  flags: 0,
  pidfd: 8,
  childTid: 16,
  parentTid: 24,
  exitSignal: 32,
  stack: 40,
  stackSize: 48,
  tls: 56,
  sizeVersion0: 64,
  setTid: 64,
  setTidSize: 72,
  cgroup: 80,
  size: 88,
} as const;

/** Nesting limit of pid namespaces, which bounds set_tid_size. */
export const MAX_PID_NS_LEVEL = 32n;
