/*
 * A record in each CPU's slot names, plus 1, the CPU that made it.
 */
#ifndef GUEST_STAMP_H
#define GUEST_STAMP_H

#include "bug.h"

static inline void expect_own_stamps(const char *bug, const struct slot *slots) {
  for (uint32_t cpu = 0; cpu < SLOTS; cpu++) {
    uint64_t stamp = slots[cpu].stamp;
    if (stamp != 0 && stamp != cpu + 1) {
      fail(EXIT_CHECK_FAILED, "%s: the slot of %u was written by %lu\n", bug, cpu, stamp - 1);
    }
  }
}

#endif
