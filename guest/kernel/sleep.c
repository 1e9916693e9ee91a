/*
 * Sleeps inside a restartable section, which the documentation forbids: TASKS threads each COUNT
 * times. Kernels up to 6.18 abort every such section; later ones let a thread go on that comes back
 * from a system call; a kernel with the debug option kills it.
 */
#include <stdint.h>

#include "arguments.h"
#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "syscall.h"
#include "thread.h"

enum { SYS_NANOSLEEP = 35, NANOSECONDS = 100000 };

static const uint64_t duration[2] = {0, NANOSECONDS};
static uint32_t sleeps;

/*
 * One sleep; `result` is 0 when it was over before the section ended, either way: the abort handler
 * keeps what was in rax where the section was left.
 */
static enum rseq_outcome sleep_inside(uint32_t cpu, long *result) {
  __asm__ goto(RSEQ_BEGIN
               "movl %[number], %%eax\n\t"
               "xorl %%esi, %%esi\n\t"
               "syscall\n\t"
               "movq %%rax, (%[result])\n"
               "2:\n\t"
               ".pushsection __rseq_failure, \"ax\"\n\t"
               ".byte 0x0f, 0xb9, 0x3d\n\t"
               ".long " RSEQ_TEXT(RSEQ_SIGNATURE) "\n"
               "4:\n\t"
               "movq %%rax, (%[result])\n\t"
               "jmp %l[aborted]\n\t"
               ".popsection\n\t"
               :
               : [cpu] "r"(cpu), [number] "i"(SYS_NANOSLEEP), "D"(duration), [result] "r"(result)
               : "memory", "cc", "rax", "rcx", "rsi", "r11"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

/* Leaves in `result` how many of its sleeps ended in an abort. */
static void sleep_often(struct thread *self) {
  uint64_t aborted = 0;
  for (uint32_t done = 0; done < sleeps;) {
    long result = SYS_NANOSLEEP;
    enum rseq_outcome outcome = sleep_inside(percpu_index(), &result);
    if (result == 0) {
      done++;
      aborted += outcome == RSEQ_ABORTED;
    }
  }
  self->result = aborted;
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 2, .count = 5};
  struct arguments arguments = parse_arguments(argc, argv, "sleep", defaults);
  threads_init();
  sleeps = arguments.count;
  uint64_t aborted = run_tasks(arguments.tasks, sleep_often);
  uint64_t all = (uint64_t)arguments.tasks * arguments.count;
  print(STDOUT, "sleep: %u tasks x %u, %s of the sections aborted\n", arguments.tasks,
        arguments.count, aborted == all ? "all" : "not all");
  return EXIT_OK;
}
