/* section-stepper MAX_STOPS ARM EXITS... -- PROGRAM ARGS...: steps the first thread that PROGRAM creates
 * by ptrace, MAX_STOPS times at most, and writes its instruction pointer at each stop, one a line. A
 * thread about to execute the instruction at ARM runs on to a breakpoint at one of the EXITS; ARM 0
 * steps everything. Addresses are hexadecimal. Status: 0 if the thread ended and PROGRAM with 0, 1 after
 * MAX_STOPS, 2 for PROGRAM failing, 3 where ptrace is not allowed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXITS_MAX = 16 };

static unsigned long exits[EXITS_MAX];
static int exit_count;

static unsigned long ip_of(pid_t thread) {
  struct user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, thread, 0, &registers) != 0) exit(3);
  return registers.rip;
}

/* Whether the thread stopped again: it may have ended. */
static int resume(int request, pid_t thread, int *status) {
  if (ptrace(request, thread, 0, 0) != 0) exit(3);
  return waitpid(thread, status, __WALL) == thread && WIFSTOPPED(*status);
}

/* Runs the thread to a breakpoint at an exit. */
static int run_to_exit(pid_t thread, int *status) {
  long saved[EXITS_MAX];
  for (int i = 0; i < exit_count; i++) {
    saved[i] = ptrace(PTRACE_PEEKTEXT, thread, exits[i], 0);
    ptrace(PTRACE_POKETEXT, thread, exits[i], (saved[i] & ~0xffL) | 0xcc);
  }
  int stopped = resume(PTRACE_CONT, thread, status);
  for (int i = exit_count - 1; stopped && i >= 0; i--) {
    ptrace(PTRACE_POKETEXT, thread, exits[i], saved[i]);
  }
  if (stopped) {
    struct user_regs_struct registers;
    ptrace(PTRACE_GETREGS, thread, 0, &registers);
    registers.rip -= 1;
    ptrace(PTRACE_SETREGS, thread, 0, &registers);
  }
  return stopped;
}

int main(int argc, char **argv) {
  if (argc < 5) return 4;
  long max_stops = strtol(argv[1], NULL, 10);
  unsigned long arm = strtoul(argv[2], NULL, 16);
  int at = 3;
  while (at < argc && strcmp(argv[at], "--") != 0 && exit_count < EXITS_MAX) {
    exits[exit_count++] = strtoul(argv[at++], NULL, 16);
  }
  char **program = argv + at + 1;
  pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(3);
    execv(program[0], program);
    _exit(127);
  }
  int status;
  waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) return 3;
  if (ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) != 0) return 3;
  if (!resume(PTRACE_CONT, child, &status) || status >> 16 != PTRACE_EVENT_CLONE) return 4;
  unsigned long message;
  ptrace(PTRACE_GETEVENTMSG, child, 0, &message);
  pid_t thread = (pid_t)message;
  waitpid(thread, &status, __WALL);
  ptrace(PTRACE_CONT, child, 0, 0);
  int stopped = 1;
  for (long stops = 0; stopped && stops < max_stops; stops++) {
    stopped = arm != 0 && ip_of(thread) == arm ? run_to_exit(thread, &status)
                                               : resume(PTRACE_SINGLESTEP, thread, &status);
    if (stopped) printf("%lx\n", ip_of(thread));
  }
  if (stopped) return 1;
  waitpid(child, &status, __WALL);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 2;
}
