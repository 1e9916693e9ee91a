/* Registrations for membarrier over fork, vfork and clone. */
#include "sections.h"

static long wait4(int pid, int *status, u32 options) { return call(61, pid, status, options, 0); }
/* Waits for a child and shows how it exited. */
static void reap(long child) {
  int status = -1;
  show("waited for it", wait4((int)child, &status, 0) == child);
  show("status", status);
}

static void membarriers(void) {
  show("register", call(324, 16, 0, 0, 0));
  long child = call(57, 0, 0, 0, 0);
  if (child == 0) {
    show("registrations", call(324, 512, 0, 0, 0));
    show("barrier", call(324, 8, 0, 0, 0));
    quit(0);
  }
  reap(child);
}
/* Registers in the child of a vfork, or of a clone that shares memory: it is the parent's as well. */
static long register_in_child(long flags, long command) {
  long child, answer;
  __asm__ volatile("mov $56, %%eax\n xor %%esi, %%esi\n xor %%edx, %%edx\n syscall\n"
                   "  test %%eax, %%eax\n jnz 1f\n mov $324, %%eax\n mov %[command], %%rdi\n"
                   "  syscall\n mov $0, %%edi\n test %%rax, %%rax\n jz 2f\n mov $1, %%edi\n"
                   "  2: mov $60, %%eax\n syscall\n 1:"
                   : "=&a"(child)
                   : "D"(flags), [command] "r"(command)
                   : "rcx", "rdx", "rsi", "r11", "memory");
  int status = -1;
  answer = wait4((int)child, &status, 0);
  show("waited for it", answer == child);
  return status;
}
static void membarriers_of_memory(void) {
  show("before", call(324, 512, 0, 0, 0));
  show("denied in the child", register_in_child(0x4000 | 0x100 | SIGCHLD, 8));
  show("registered in the child", register_in_child(0x4000 | 0x100 | SIGCHLD, 16));
  show("shared", call(324, 512, 0, 0, 0));
  show("allowed", call(324, 8, 0, 0, 0));
  show("allowed in the child", register_in_child(0x4000 | 0x100 | SIGCHLD, 8));
  show("registered in a copy", register_in_child(SIGCHLD, 256));
  show("not shared", call(324, 512, 0, 0, 0));
  show("rseq denied", call(324, 128, 0, 0, 0));
  show("allowed in a copy", register_in_child(SIGCHLD, 8));
}

const struct scenario scenarios[] = {
    {"membarriers", membarriers},
    {"membarriers-of-memory", membarriers_of_memory},
    {0, 0},
};
