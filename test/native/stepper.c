/* stepper PROGRAM BEGIN: single-steps PROGRAM and writes its registers to stdout, from the first
 * instruction at BEGIN (hexadecimal) on, before each instruction: rip, the 16 general registers
 * in encoding order, eflags, 16 XMM registers; all 64-bit little-endian words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  unsigned long long begin = strtoull(argv[2], NULL, 16);
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execl(argv[1], argv[1], (char *)NULL);
    _exit(127);
  }
  int status, started = 0;
  waitpid(child, &status, 0);
  while (WIFSTOPPED(status)) {
    struct user_regs_struct r;
    struct user_fpregs_struct f;
    if (ptrace(PTRACE_GETREGS, child, 0, &r) != 0) return 3;
    if (ptrace(PTRACE_GETFPREGS, child, 0, &f) != 0) return 3;
    started |= r.rip == begin;
    unsigned long long words[50] = {r.rip, r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi,
                                    r.r8,  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.eflags};
    memcpy(words + 18, f.xmm_space, 256);
    if (started && fwrite(words, sizeof words, 1, stdout) != 1) return 4;
    if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) != 0) return 3;
    waitpid(child, &status, 0);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 5;
}
