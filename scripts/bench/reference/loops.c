#include "loops.h"

#include <stdlib.h>

#include "kernel.h"
#include "machine.h"

/* Short slices abort for ever: the guest goes back before that counts as a livelock. */
enum { SCHEDULE_SLICE_INSTRUCTIONS = 5, SLICES_PER_RESTORE = 10000 };

void run_plain(uint64_t iterations, uint64_t argument) {
  for (uint64_t i = 0; i < iterations; i++) {
    machine_run(0, (uint32_t)argument);
  }
}

void run_slices(uint64_t iterations, uint64_t argument) {
  machine_restore_cpus();
  for (uint64_t i = 0; i < iterations; i++) {
    machine_run(i % CPUS, (uint32_t)argument);
  }
}

void run_switches(uint64_t iterations, uint64_t argument) {
  for (uint64_t i = 0; i < iterations; i++) {
    if (i % SLICES_PER_RESTORE == 0) {
      kernel_restore();
    }
    kernel_switch(i % THREADS);
    kernel_run((uint32_t)argument);
  }
}

void run_restores(uint64_t iterations, uint64_t argument) {
  for (uint64_t i = 0; i < iterations; i++) {
    machine_restore_pages(argument);
    machine_restore_cpus();
  }
}

void run_snapshots(uint64_t iterations, uint64_t argument) {
  uint8_t *kept = NULL;
  for (uint64_t i = 0; i < iterations; i++) {
    uint8_t *copy = malloc(argument * PAGE);
    if (copy == NULL) {
      fail("no memory");
    }
    machine_copy_pages(argument, copy);
    free(kept);
    kept = copy;
    machine_save_cpus_again();
  }
  free(kept);
}

void run_schedules(uint64_t iterations, uint64_t argument) {
  for (uint64_t i = 0; i < iterations; i++) {
    kernel_restore();
    for (uint64_t slice = 0; slice < argument; slice++) {
      kernel_switch(slice % THREADS);
      kernel_run(SCHEDULE_SLICE_INSTRUCTIONS);
    }
  }
}
