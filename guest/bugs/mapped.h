/*
 * Descriptors on a page of their own that can be unmapped, as by dlclose or a run-time compiler.
 */
#ifndef GUEST_MAPPED_H
#define GUEST_MAPPED_H

#include "bug.h"

enum {
  SYS_MUNMAP = 11,
  PAGE_BYTES = 4096,
  READ_WRITE = 0x3,
  PRIVATE_ANONYMOUS = 0x22,
  ERRNO_LAST = 4095,
};

static inline uint64_t *map_page(void) {
  long base = syscall6(SYS_MMAP, 0, PAGE_BYTES, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
  if (base < 0 && base >= -ERRNO_LAST) {
    fail(EXIT_UNABLE, "mmap: errno %ld\n", -base);
  }
  return (uint64_t *)base;
}

/* A copy of a descriptor, on a page of its own. */
static inline uint64_t *map_descriptor(const uint64_t *from) {
  uint64_t *page = map_page();
  for (uint32_t word = 0; word < 4; word++) {
    page[word] = from[word];
  }
  return page;
}

/* Between DESCRIPTOR and its use: gives it a name that C code can see. */
#define NAME_DESCRIPTOR ".globl original_descriptor\n\t.set original_descriptor, 3b\n\t"
extern const uint64_t original_descriptor[4];

#endif
