/*
 * Two CPUs over guest memory, with what an exact interleaving of two rseq threads needs.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

enum { CPUS = 2, GENERAL_REGISTERS = 16, PAGE = 4096 };

struct registers {
  /* In the order of their encoding: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15. */
  uint64_t general[GENERAL_REGISTERS];
  uint64_t rip;
  uint64_t rflags;
  uint64_t fs_base;
};

/* Prints "error ..." as the reply to the current command and ends the program. */
_Noreturn void fail(const char *format, ...);

/*
 * Forgets all memory and makes new CPUs. `by_count`: slices are exact by the library's own counter,
 * not by a hook that counts and looks the instruction's class up. `log`: stores are recorded.
 */
void machine_reset(bool by_count, bool log);
void machine_map(uint64_t address, uint64_t length, uint32_t protection);
/* Memory mapped after this is far from that before it, in the order that matters to stores. */
void machine_pad(void);
/* All instructions of this page are plain ones. */
void machine_add_code(uint64_t address);
void *machine_host_of(uint64_t address);
/* `rseq` is the address of the thread's rseq area, 0 for none. */
void machine_set_cpu(unsigned index, const struct registers *registers, uint64_t rseq);
/* What there is now is what restores go back to. */
void machine_save(void);
uint64_t machine_rip(unsigned index);

/* A loop that can be timed. What `argument` is depends on the loop. */
typedef void timed_loop(uint64_t iterations, uint64_t argument);

/* Slices of `argument` instructions of the first CPU. */
timed_loop run_plain;
/* Slices of `argument` instructions of both CPUs in turn, from the registers that were saved. */
timed_loop run_slices;
/* Copies `argument` pages of the region mapped last to or from an image, and both CPUs' registers. */
timed_loop run_restores;
timed_loop run_snapshots;
/* A restore, then `argument` slices of 5 instructions of the two CPUs in turn, as if both were
   threads of one CPU: each slice begins with the rseq fix-up of the thread switched to. */
timed_loop run_schedules;

#endif
