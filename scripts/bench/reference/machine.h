/*
 * Two CPUs over guest memory, with what an exact interleaving of two threads needs: slices of exact
 * length, a log of stores and boundaries, and a list of dirty pages.
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

/* Kinds of records: a store is uc_mem_type's UC_MEM_WRITE. */
enum { RECORD_BOUNDARY = 0, RECORD_WRITE = 17 };

/* A store, or the execution of a marked instruction, whose `value` is what retired before it. */
struct record {
  uint64_t address;
  uint64_t value;
  uint32_t size;
  uint32_t type;
  uint64_t instruction;
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
/* Executing the instruction at this address, in a page of code, is logged. */
void machine_mark_boundary(uint64_t address);
void *machine_host_of(uint64_t address);
void machine_set_cpu(unsigned index, const struct registers *registers);
/* What there is now is what restores go back to. */
void machine_save(void);

uint64_t machine_ip(unsigned index);
void machine_set_ip(unsigned index, uint64_t ip);
/* The instruction that retired last. */
uint64_t machine_last_ip(unsigned index);
/* Runs exactly `instructions` from where the CPU is. */
void machine_run(unsigned index, uint32_t instructions);
/* The records since the last call; valid until the next run. */
const struct record *machine_take_log(uint32_t *count);

void machine_mark_dirty(uint64_t address);
/* Puts back the pages marked dirty, and the registers. */
void machine_restore_dirty(void);
void machine_restore_cpus(void);
/* Saves the registers where nothing restores them from. */
void machine_save_cpus_again(void);
/* Copies the first `count` pages of the region mapped last from its image, or to a buffer. */
void machine_restore_pages(uint64_t count);
void machine_copy_pages(uint64_t count, uint8_t *copy);

#endif
