/*
 * The thread announces its section in a word of its own and arms it from there; a signal handler
 * does the same for a section of its own and returns. Caught between the two, the thread arms the
 * handler's section and runs its own one bare; a second interruption in it loses an update.
 */
#include "bugs/bug.h"
#include "bugs/handler.h"

/* Where a thread announces its section: its `result`, which it has no other use for. */
#define FS_ANNOUNCED FS(24)
_Static_assert(offsetof(struct thread, result) == 24, "the offset above");

#define ANNOUNCE_AND_ARM                                                                           \
  "leaq 3b(%%rip), %%rax\n\t"                                                                      \
  "movq %%rax, " FS_ANNOUNCED "\n\t"                                                               \
  "movq " FS_ANNOUNCED ", %%rax\n\t"                                                               \
  "movq %%rax, " FS_RSEQ_CS "\n\t"

static struct slot slots[SLOTS];

/* A thread's `index` once its area is registered: before, the handler must leave sections alone. */
enum { REGISTERED = 100 };

static __attribute__((noipa)) void on_signal(int signal) {
  (void)signal;
  struct thread *self;
  __asm__ volatile("movq %%fs:0, %0" : "=r"(self));
  if (self->index != REGISTERED) {
    return;
  }
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ANNOUNCE_AND_ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "movq $1, (%[stamp])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [stamp] "r"(&slots[cpu].stamp)
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:;
  }
}

TASK count_once(struct thread *self) {
  __atomic_store_n(&self->index, REGISTERED, __ATOMIC_RELEASE);
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 "leaq 3b(%%rip), %%rax\n\t"
                 "movq %%rax, " FS_ANNOUNCED "\n\t"
                 FAULTY
                 IF_BUGGY("movq " FS_ANNOUNCED ", %%rax\n\t")
                 "movq %%rax, " FS_RSEQ_CS "\n\t"
                 "1:\n\t"
                 COMPARE_CPU
                 "movq (%[value]), %%rax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value)
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  handle_usr1(on_signal);
  run_tasks(TASKS, count_once);
  expect("r18-nested", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
