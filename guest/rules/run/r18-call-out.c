/*
 * A section that calls a function: a thread that is switched out there comes back into a section that is
 * armed no longer. Put right: the function is called before.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "thread.h"

enum { TASKS = 3, ROUNDS = 200 };

static uint64_t slots[PERCPU_SLOTS];

__attribute__((naked, used)) static void spin_a_little(void) {
  __asm__ volatile("movl $8, %eax\n"
                   "1:\n\t"
                   "subl $1, %eax\n\t"
                   "jnz 1b\n\t"
                   "ret");
}

#ifdef FIXED
#define CALL_INSIDE ""
#define CALL_BEFORE "call spin_a_little\n\t"
#else
#define CALL_INSIDE "call spin_a_little\n\t"
#define CALL_BEFORE ""
#endif

static enum rseq_outcome add(uint64_t *value, uint32_t cpu) {
  __asm__ goto(CALL_BEFORE
               RSEQ_BEGIN
               CALL_INSIDE
               "addq $1, (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value)
               : "memory", "cc", "rax"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

static void count_up(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < ROUNDS; done++) {
    enum rseq_outcome outcome;
    do {
      uint32_t cpu = percpu_index();
      outcome = add(&slots[cpu], cpu);
    } while (outcome != RSEQ_COMMITTED);
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, count_up);
  return EXIT_OK;
}
