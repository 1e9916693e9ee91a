/*
 * struct rseq of the mainline ABI and its registration (rseq(2); 32 bytes, the original size).
 */
#ifndef GUEST_RSEQ_AREA_H
#define GUEST_RSEQ_AREA_H

/* Distance of struct rseq and its fields from the thread pointer, for use in assembly. */
#define RSEQ_OFFSET 32
#define RSEQ_OFFSET_CPU_ID 36
#define RSEQ_OFFSET_RSEQ_CS 40

/* The word before each abort handler; registered with the kernel and compared on every abort. */
#define RSEQ_SIGNATURE 0x53053053

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

struct rseq_area {
  uint32_t cpu_id_start;
  uint32_t cpu_id;
  uint64_t rseq_cs;
  uint32_t flags;
  uint32_t node_id;
  uint32_t mm_cid;
  uint32_t reserved;
} __attribute__((aligned(32)));

_Static_assert(sizeof(struct rseq_area) == 32, "the length the kernel is told");
_Static_assert(RSEQ_OFFSET + offsetof(struct rseq_area, cpu_id) == RSEQ_OFFSET_CPU_ID, "cpu_id");
_Static_assert(RSEQ_OFFSET + offsetof(struct rseq_area, rseq_cs) == RSEQ_OFFSET_RSEQ_CS, "rseq_cs");

/* Registers the area for the calling thread, or ends the process with EXIT_UNABLE. */
void rseq_register(struct rseq_area *area);

/*
 * The CPU the thread ran on when the kernel last wrote the area: always a valid index, but only a
 * section that compares it with cpu_id makes sure that it still holds.
 */
static inline uint32_t rseq_cpu_start(void) {
  uint32_t cpu;
  __asm__ volatile("movl %%fs:%c[offset], %[cpu]" : [cpu] "=r"(cpu) : [offset] "i"(RSEQ_OFFSET));
  return cpu;
}

/* The CPU number as the kernel last wrote it; negative while the area is not registered. */
static inline int32_t rseq_cpu_id(void) {
  int32_t cpu;
  __asm__ volatile("movl %%fs:%c[offset], %[cpu]"
                   : [cpu] "=r"(cpu)
                   : [offset] "i"(RSEQ_OFFSET_CPU_ID));
  return cpu;
}

#endif
#endif
