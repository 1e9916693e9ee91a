/*
 * The thread announces its section in a word of its own, with signals held back, and lets them in
 * before it arms what is announced; a signal that waits has a handler that does the same for a section
 * of its own and returns. The thread then arms the handler's section and runs its own one bare:
 * preempted in it, it loses an update.
 */
#include "bug.h"
#include "handler.h"

enum {
  SYS_RT_SIGPROCMASK = 14,
  SYS_TKILL = 200,
  SIG_BLOCK = 0,
  SIG_UNBLOCK = 1,
};

/* Where a thread announces its section: its `result`, which it has no other use for. */
#define FS_ANNOUNCED FS(24)
_Static_assert(offsetof(struct thread, result) == 24, "the offset above");

#define ANNOUNCE                                                                                   \
  "leaq 3b(%%rip), %%rax\n\t"                                                                      \
  "movq %%rax, " FS_ANNOUNCED "\n\t"

static struct slot slots[SLOTS];
static const uint64_t usr1 = 1ul << (SIGUSR1 - 1);

static __attribute__((noipa)) void on_signal(int signal) {
  (void)signal;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ANNOUNCE
                 "movq " FS_ANNOUNCED ", %%rax\n\t"
                 "movq %%rax, " FS_RSEQ_CS "\n\t"
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

/* Sends the thread a signal that waits until it is let in. */
static void have_signal_wait(struct thread *self) {
  syscall4(SYS_RT_SIGPROCMASK, SIG_BLOCK, (long)&usr1, 0, SIGNAL_SET_BYTES);
  long result = syscall3(SYS_TKILL, self->tid, SIGUSR1, 0);
  if (result != 0) {
    fail(EXIT_UNABLE, "tkill: errno %ld\n", -result);
  }
}

/* rt_sigprocmask, in the midst of hand-written code: rdi to r10 are its arguments. */
#define LET_SIGNALS_IN                                                                             \
  "movl %[procmask], %%eax\n\t"                                                                    \
  "syscall\n\t"

TASK work(struct thread *self) {
  for (;;) {
    have_signal_wait(self);
    uint32_t cpu = here();
    register long set_bytes __asm__("r10") = SIGNAL_SET_BYTES;
    __asm__ goto(SECTION
                 ANNOUNCE
                 LET_SIGNALS_IN
                 IF_BUGGY("movq " FS_ANNOUNCED ", %%rax\n\t")
                 IF_FIXED("leaq 3b(%%rip), %%rax\n\t")
                 "movq %%rax, " FS_RSEQ_CS "\n\t"
                 "1:\n\t"
                 FAULTY
                 COMPARE_CPU
                 "movq (%[value]), %%rax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value), [procmask] "i"(SYS_RT_SIGPROCMASK),
                   "D"((long)SIG_UNBLOCK), "S"(&usr1), "d"(0L), "r"(set_bytes)
                 : "memory", "cc", "rax", "rcx", "r11"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  handle_usr1(on_signal);
  run_tasks(TASKS, work);
  expect("s13-nested", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
