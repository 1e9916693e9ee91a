/** Flags of mmap(2): include/uapi/asm-generic/mman*.h, and arch/x86/include/uapi/asm/mman.h. */
export const MAP = {
  SHARED: 0x01,
  PRIVATE: 0x02,
  SHARED_VALIDATE: 0x03,
  DROPPABLE: 0x08,
  /** Mask of the four types above. */
  TYPE: 0x0f,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  B32BIT: 0x40,
  ABOVE4G: 0x80,
  GROWSDOWN: 0x0100,
  HUGETLB: 0x4_0000,
  FIXED_NOREPLACE: 0x10_0000,
} as const;

/** LEGACY_MAP_MASK: flags from before MAP_SHARED_VALIDATE, which refuses all others. */
export const MAP_LEGACY_MASK = (0x407_f9f3 | (21 << 26) | (30 << 26)) >>> 0;

/** From this bit up: log2 of the page size asked for with MAP_HUGETLB, 0 for the default. */
export const MAP_HUGE_SHIFT = 26;
export const MAP_HUGE_MASK = 0x3f;
/** log2 of the one huge page size that the modelled CPU has, 2 MiB. */
export const HUGE_PAGE_SHIFT = 21;

/** Protection bits of mprotect(2) beyond read, write and execute. */
export const PROT_SEM = 0x8;
export const PROT_GROWSDOWN = 0x0100_0000;
export const PROT_GROWSUP = 0x0200_0000;

/** Advice of madvise(2), include/uapi/asm-generic/mman-common.h. */
export const MADV = {
  NORMAL: 0,
  RANDOM: 1,
  SEQUENTIAL: 2,
  WILLNEED: 3,
  DONTNEED: 4,
  FREE: 8,
  REMOVE: 9,
  DONTFORK: 10,
  DOFORK: 11,
  MERGEABLE: 12,
  UNMERGEABLE: 13,
  HUGEPAGE: 14,
  NOHUGEPAGE: 15,
  DONTDUMP: 16,
  DODUMP: 17,
  WIPEONFORK: 18,
  KEEPONFORK: 19,
  COLD: 20,
  PAGEOUT: 21,
  POPULATE_READ: 22,
  POPULATE_WRITE: 23,
  DONTNEED_LOCKED: 24,
  COLLAPSE: 25,
  HWPOISON: 100,
  SOFT_OFFLINE: 101,
  GUARD_INSTALL: 102,
  GUARD_REMOVE: 103,
} as const;

/** vm.mmap_min_addr as distributions set it: below it, only a privileged process may map. */
export const MMAP_MIN_ADDRESS = 0x1_0000;
/** Where the search for free ranges starts, downwards, without randomisation (mmap_base). */
export const MMAP_BASE = 0x7fff_f7ff_f000;
