/**
 * Types of the entries of the auxiliary vector: include/uapi/linux/auxvec.h, and for x86
 * arch/x86/include/uapi/asm/auxvec.h.
 */
export const AT = {
  NULL: 0,
  PHDR: 3,
  PHENT: 4,
  PHNUM: 5,
  PAGESZ: 6,
  BASE: 7,
  FLAGS: 8,
  ENTRY: 9,
  UID: 11,
  EUID: 12,
  GID: 13,
  EGID: 14,
  PLATFORM: 15,
  HWCAP: 16,
  CLKTCK: 17,
  SECURE: 23,
  RANDOM: 25,
  HWCAP2: 26,
  RSEQ_FEATURE_SIZE: 27,
  RSEQ_ALIGN: 28,
  EXECFN: 31,
  MINSIGSTKSZ: 51,
} as const;

/** AT_CLKTCK, ticks a second of times(2): USER_HZ in include/asm-generic/param.h. */
export const CLOCK_TICKS_PER_SECOND = 100;

/** Bytes behind AT_RANDOM (fs/binfmt_elf.c, k_rand_bytes). */
export const AUXV_RANDOM_BYTES = 16;

/** AT_PLATFORM: ELF_PLATFORM of 64-bit x86 (arch/x86/include/asm/elf.h). */
export const PLATFORM_NAME = 'x86_64';

/** User and group id of every guest, real and effective, whoever runs the emulator. */
export const GUEST_USER_ID = 1000;
