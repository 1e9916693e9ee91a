/*
 * The key scheme of April 2016 over Turner's second proposal: a critical section is marked by three
 * inline functions that take its key. Built with -DRSEQ_KEYS each of them leaves a tuple {type,
 * address, key} of three 64-bit words in the section __rseq_keys, which is not loaded: for debuggers,
 * and without an instruction more. A key may have several entries and several exits.
 *
 * The address of a start is its first instruction; that of a finish the first one after the commit;
 * that of an abort the one that follows it. Numeric labels: 2 post-commit, 4 failure, 6 tuple.
 */
#ifndef GUEST_ABI_KEYS_H
#define GUEST_ABI_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/key_tuple.h"
#include "abi/turner-v2.h"

#define RSEQ_KEY_FUNCTION static inline __attribute__((always_inline))

/* Enters the section: returns {CPU, event counter} as they are now. */
RSEQ_KEY_FUNCTION uint64_t rseq_start(const char *key) {
  uint64_t saved;
  __asm__ volatile("6:\n\t" RSEQ_KEY_TUPLE(RSEQ_KEY_START, "6b")
                   "movq " AREA(AREA_CPU_AND_EVENT) ", %[saved]"
                   : [saved] "=r"(saved)
                   : [key] "i"(key)
                   : "memory");
  return saved;
}

/* The CPU that rseq_start saw. */
RSEQ_KEY_FUNCTION uint32_t rseq_saved_cpu(uint64_t saved) { return (uint32_t)saved; }

/*
 * Leaves the section with *address = desired, unless something happened since rseq_start; false then,
 * and nothing is stored.
 */
RSEQ_KEY_FUNCTION bool rseq_finish(const char *key, uint64_t saved, uint64_t *address,
                                   uint64_t desired) {
  __asm__ goto("leaq 4f(%%rip), %%rcx\n\t"
               "movq %[saved], %%rdx\n\t"
               SCHEME_ARM
               "cmpq %%rdx, " AREA(AREA_CPU_AND_EVENT) "\n\t"
               "jne 4f\n\t"
               "movq %[desired], (%[address])\n"
               RSEQ_KEY_TUPLE(RSEQ_KEY_FINISH, "2f")
               SCHEME_END
               :
               : [key] "i"(key), [saved] "r"(saved), [address] "r"(address), [desired] "r"(desired)
               : "memory", "cc", "rcx", "rdx"
               : aborted);
  return true;
aborted:
  return false;
}

/* Leaves the section without a commit. */
RSEQ_KEY_FUNCTION void rseq_abort(const char *key) {
  __asm__ volatile("6:\n\t" RSEQ_KEY_TUPLE(RSEQ_KEY_ABORT, "6b") : : [key] "i"(key) : "memory");
}

#endif
