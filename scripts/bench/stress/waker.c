/*
 * Wakes up all the time, as a device's interrupt thread does, and goes back to sleep: on the CPU that
 * it is pinned to, whoever runs is preempted at another instruction each time, and others get their
 * turn meanwhile. Sleeps at most argv[1] nanoseconds, drawn anew each time.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

enum { SPIN_ROUNDS = 400 };

static uint64_t draw(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

int main(int argc, char **argv) {
  long limit = argc > 1 ? atol(argv[1]) : 0;
  if (limit < 1 || limit > 999999999) {
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  uint64_t state = 88172645463325252u;
  for (;;) {
    struct timespec sleep = {0, (long)(draw(&state) % (uint64_t)limit)};
    nanosleep(&sleep, NULL);
    for (volatile int i = 0; i < SPIN_ROUNDS; i++) {
    }
  }
}
