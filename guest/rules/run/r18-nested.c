/*
 * The thread announces its section in a word of its own and arms it from there; a signal handler
 * does the same for a section of its own and returns. Caught between the two, the thread arms the
 * handler's section and runs its own one bare; a second interruption in it loses an update.
 */
#include "bugs/bug.h"

enum {
  SYS_RT_SIGACTION = 13,
  SIGUSR1 = 10,
  SA_RESTORER = 0x4000000,
  SIGNAL_SET_BYTES = 8,
};

struct action {
  void (*handler)(int signal);
  uint64_t flags;
  void (*restorer)(void);
  uint64_t mask;
};

/* Where a thread announces its section: its `result`, which it has no other use for. */
#define FS_ANNOUNCED FS(24)
_Static_assert(offsetof(struct thread, result) == 24, "the offset above");

#define ANNOUNCE_AND_ARM                                                                           \
  "leaq 3b(%%rip), %%rax\n\t"                                                                      \
  "movq %%rax, " FS_ANNOUNCED "\n\t"                                                               \
  "movq " FS_ANNOUNCED ", %%rax\n\t"                                                               \
  "movq %%rax, " FS_RSEQ_CS "\n\t"

static struct slot slots[SLOTS];

void return_from_signal(void);
__asm__(".pushsection .text\n"
        ".type return_from_signal, @function\n"
        "return_from_signal:\n\t"
        "movl $15, %eax\n\t"
        "syscall\n"
        ".size return_from_signal, . - return_from_signal\n\t"
        ".popsection");

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
  struct action action = {on_signal, SA_RESTORER, return_from_signal, 0};
  long result = syscall4(SYS_RT_SIGACTION, SIGUSR1, (long)&action, 0, SIGNAL_SET_BYTES);
  if (result != 0) {
    fail(EXIT_UNABLE, "rt_sigaction: errno %ld\n", -result);
  }
  run_tasks(TASKS, count_once);
  expect("r18-nested", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
