#include "memory.h"

#include <stdint.h>

/* Keeps the compiler from recognising a loop below as the very function it defines. */
#define OPAQUE_STEP() __asm__ volatile("")

void *memcpy(void *restrict destination, const void *restrict source, size_t bytes) {
  uint8_t *to = destination;
  const uint8_t *from = source;
  for (size_t at = 0; at < bytes; at++) {
    to[at] = from[at];
    OPAQUE_STEP();
  }
  return destination;
}

void *memmove(void *destination, const void *source, size_t bytes) {
  uint8_t *to = destination;
  const uint8_t *from = source;
  if ((uintptr_t)to <= (uintptr_t)from) {
    for (size_t at = 0; at < bytes; at++) {
      to[at] = from[at];
      OPAQUE_STEP();
    }
  } else {
    for (size_t at = bytes; at > 0; at--) {
      to[at - 1] = from[at - 1];
      OPAQUE_STEP();
    }
  }
  return destination;
}

void *memset(void *destination, int value, size_t bytes) {
  uint8_t *to = destination;
  for (size_t at = 0; at < bytes; at++) {
    to[at] = (uint8_t)value;
    OPAQUE_STEP();
  }
  return destination;
}

int memcmp(const void *left, const void *right, size_t bytes) {
  const uint8_t *a = left;
  const uint8_t *b = right;
  for (size_t at = 0; at < bytes; at++) {
    if (a[at] != b[at]) {
      return a[at] < b[at] ? -1 : 1;
    }
    OPAQUE_STEP();
  }
  return 0;
}
