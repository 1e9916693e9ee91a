/* The loops that are timed. */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include <stdint.h>

/* What `argument` is depends on the loop. */
typedef void timed_loop(uint64_t iterations, uint64_t argument);

/* Slices of `argument` instructions of the first CPU. */
timed_loop run_plain;
/* Slices of `argument` instructions of both CPUs in turn, from the registers that were saved. */
timed_loop run_slices;
/* The same with the kernel's part: decisions, the switch of two threads, the log taken in. */
timed_loop run_switches;
/* Copies `argument` pages of the region mapped last to or from an image, and both CPUs' registers. */
timed_loop run_restores;
timed_loop run_snapshots;
/* A restore of all that changed, then `argument` switches with slices of 5 instructions. */
timed_loop run_schedules;

#endif
