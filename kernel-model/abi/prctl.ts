/** prctl(2): include/uapi/linux/prctl.h. */
export const PR_RSEQ_SLICE_EXTENSION = 79;
export const PRCTL_SLICE = { GET: 1n, SET: 2n } as const;
/** PR_RSEQ_SLICE_EXT_ENABLE. */
export const ENABLE_SLICE = 1n;

/** Options of arch_prctl(2): arch/x86/include/uapi/asm/prctl.h. */
export const ARCH = {
  SET_GS: 0x1001,
  SET_FS: 0x1002,
  GET_FS: 0x1003,
  GET_GS: 0x1004,
  GET_CPUID: 0x1011,
  SET_CPUID: 0x1012,
  GET_XCOMP_SUPP: 0x1021,
  GET_XCOMP_PERM: 0x1022,
  REQ_XCOMP_PERM: 0x1023,
  GET_XCOMP_GUEST_PERM: 0x1024,
  REQ_XCOMP_GUEST_PERM: 0x1025,
  MAP_VDSO_X32: 0x2001,
  MAP_VDSO_32: 0x2002,
  MAP_VDSO_64: 0x2003,
} as const;
