/*
 * What the kernel of Linux 6.18 does for two rseq threads of one CPU at context switches, and what a
 * testbed keeps beside it: recorded decisions, counts of sections, and a way back.
 */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include <stdint.h>

enum { THREADS = 2 };

struct counts {
  uint64_t instructions;
  uint64_t preemptions;
  uint64_t entered;
  uint64_t committed;
  uint64_t aborted;
};

/* Thread `index` runs on the machine's CPU of that number; `rseq` is the address of its area. */
void kernel_set_thread(unsigned index, uint64_t rseq, uint32_t events, uint64_t in_flight);
/* The thread that runs; the other one is queued. */
void kernel_set_current(unsigned index);
/* What there is now, the machine included, is what kernel_restore goes back to; counts begin. */
void kernel_save(void);
void kernel_restore(void);
/* Decision: preempts the running thread and runs another, as the kernel does it. */
void kernel_switch(unsigned index);
/* Decision: the running thread runs exactly `instructions`, and the log is taken in. */
void kernel_run(uint32_t instructions);
const struct counts *kernel_counts(void);

#endif
