/** Numbers of the system calls (arch/x86/entry/syscalls/syscall_64.tbl). */
export const SYS_RSEQ = 334;
export const SYS_RSEQ_SLICE_YIELD = 471;

/** struct rseq (include/uapi/linux/rseq.h): byte offsets in the per-thread area. */
export const RSEQ_AREA = {
  cpuIdStart: 0,
  cpuId: 4,
  rseqCs: 8,
  flags: 16,
  nodeId: 20,
  mmCid: 24,
  end: 28,
} as const;

/** Offset of slice_ctrl, since 7.0: byte 0 is the request, byte 1 the grant. */
export const RSEQ_SLICE_CTRL = 28;

/** struct rseq_cs: byte offsets in a critical section's descriptor. */
export const RSEQ_CS = {
  version: 0,
  flags: 4,
  startIp: 8,
  postCommitOffset: 16,
  abortIp: 24,
  size: 32,
} as const;

/** Flags of rseq(2). */
export const RSEQ_FLAG_UNREGISTER = 1;
/** Since 7.0. */
export const RSEQ_FLAG_SLICE_EXT_DEFAULT_ON = 2;

/** Flags of a descriptor and of struct rseq until 5.19: no restart when the event happens. */
export const RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT = 1;
export const RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL = 2;
export const RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE = 4;
/** What the kernel tells in struct rseq's flags since 7.0. */
export const RSEQ_CS_FLAG_SLICE_EXT_AVAILABLE = 0x10;
export const RSEQ_CS_FLAG_SLICE_EXT_ENABLED = 0x20;

/** Size and alignment of the first published struct rseq. */
export const ORIG_RSEQ_SIZE = 32;
export const RSEQ_CPU_ID_UNINITIALIZED = 0xffff_ffff;
/** The signature is the u32 right before the abort handler. */
export const RSEQ_SIGNATURE_BYTES = 4;

/** Bits of the per-thread event mask (RSEQ_EVENT_* in linux/rseq.h, up to 6.18). */
export const RSEQ_EVENT_PREEMPT = 1;
export const RSEQ_EVENT_SIGNAL = 2;
export const RSEQ_EVENT_MIGRATE = 4;
