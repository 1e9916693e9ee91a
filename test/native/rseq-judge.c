/*
 * Asks this kernel what it does with rseq, for comparison with the kernel model. A traced child is
 * made to resume at chosen instructions; a stop has taken it off its CPU, so the kernel does its rseq
 * work on the way back. Standard input has a step a line, with numbers as strtoull takes them:
 *   poke ADDRESS VALUE       stores 64 bits, whatever the protection
 *   poke4 ADDRESS VALUE      stores 32 bits
 *   peek ADDRESS             prints 64 bits
 *   peek4 ADDRESS            prints 32 bits
 *   call NUMBER A B C D      a system call of the child: prints its result, or `signal ...`
 *   resume ADDRESS           one step of the child from there: prints the instruction that ran, and
 *                            where that ended in a signal, `signal NUMBER CODE ADDRESS`
 *   deliver ADDRESS NUMBER   the same, with a signal that has a handler: prints `handler`, and the
 *                            instruction pointer that its frame holds
 *   move CPU                 the child may run only there from now on
 *   reset                    a new child, with memory as it was in the beginning
 *   next                     prints `--`
 * The memory of the child is laid out as arena.ts has it; its code is all `nop`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  PAGE_BYTES = 4096,
  CODE_PAGES = 4,
  HANDLER_OFFSET = CODE_PAGES * PAGE_BYTES - 32,
  READ_ONLY_PAGE = 5,
  NO_ACCESS_PAGE = 6,
  HOLE_PAGE = 8,
  ARENA_PAGES = 10,
  NOP = 0x90,
  LINE_BYTES = 256,
  WORDS = 5,
  STATUS_UNABLE = 3,
  /* Of a signal frame: the return address, uc_flags, uc_link, uc_stack, and 16 registers. */
  FRAME_RIP_OFFSET = 8 + 8 + 8 + 24 + 16 * 8,
};

/* struct kernel_sigaction, as rt_sigaction takes it. */
struct action {
  void *handler;
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};

enum { SA_RESTORER_FLAG = 0x04000000 };

static char *const arena = (char *)0x50000000;
static char *const top = (char *)0x7fffffffe000;
static pid_t child;

void judge_syscall(void);
__asm__(".globl judge_syscall\n"
        "judge_syscall:\n\t"
        "syscall\n\t"
        "nop\n");

static _Noreturn void give_up(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  if (child > 0) {
    kill(child, SIGKILL);
  }
  exit(STATUS_UNABLE);
}

static void check(long result, const char *what) {
  if (result < 0) {
    give_up(what);
  }
}

/* The model's task begins on vCPU 0. */
static void pin(pid_t process, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  check(sched_setaffinity(process, sizeof set, &set), "sched_setaffinity");
}

/* Shared, so that the tracer can write where the child may not. */
static void map(char *start, size_t bytes) {
  char *got = mmap(start, bytes, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (got != start) {
    give_up("mmap");
  }
}

static void fill(void) {
  memset(arena, NOP, CODE_PAGES * PAGE_BYTES);
  memset(arena + CODE_PAGES * PAGE_BYTES, 0, (ARENA_PAGES - CODE_PAGES) * PAGE_BYTES);
  memset(top, NOP, PAGE_BYTES);
}

/* The signal stays unblocked and its mask empty: nothing of a delivery outlives the case. */
static void handle_signal(int number) {
  struct action action = {arena + HANDLER_OFFSET, SA_NODEFER | SA_SIGINFO | SA_RESTORER_FLAG,
                          arena + HANDLER_OFFSET, 0};
  check(syscall(SYS_rt_sigaction, number, &action, NULL, sizeof action.mask), "rt_sigaction");
}

static _Noreturn void be_traced(void) {
  pin(0, 0);
  handle_signal(SIGUSR1);
  int code = PROT_READ | PROT_WRITE | PROT_EXEC;
  check(mprotect(arena, CODE_PAGES * PAGE_BYTES, code), "mprotect");
  check(mprotect(top, PAGE_BYTES, code), "mprotect");
  check(mprotect(arena + READ_ONLY_PAGE * PAGE_BYTES, PAGE_BYTES, PROT_READ), "mprotect");
  check(mprotect(arena + NO_ACCESS_PAGE * PAGE_BYTES, PAGE_BYTES, PROT_NONE), "mprotect");
  check(munmap(arena + HOLE_PAGE * PAGE_BYTES, PAGE_BYTES), "munmap");
  check(ptrace(PTRACE_TRACEME, 0, 0, 0), "ptrace");
  raise(SIGSTOP);
  _exit(STATUS_UNABLE);
}

static void start_child(void) {
  int status;
  fill();
  child = fork();
  check(child, "fork");
  if (child == 0) {
    be_traced();
  }
  check(waitpid(child, &status, 0), "waitpid");
  if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP) {
    errno = EPERM;
    give_up("ptrace");
  }
  check(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL), "PTRACE_SETOPTIONS");
}

static void reset(void) {
  int status;
  kill(child, SIGKILL);
  check(waitpid(child, &status, 0), "waitpid");
  start_child();
}

/* Lets the child take one step from the registers given, with a signal or 0 for none; returns the
 * signal that stopped it. */
static int step(struct user_regs_struct *registers, siginfo_t *info, long sent) {
  int status;
  check(ptrace(PTRACE_SETREGS, child, 0, registers), "PTRACE_SETREGS");
  check(ptrace(PTRACE_SINGLESTEP, child, 0, sent), "PTRACE_SINGLESTEP");
  check(waitpid(child, &status, 0), "waitpid");
  if (!WIFSTOPPED(status)) {
    errno = ECHILD;
    give_up("the child is gone");
  }
  check(ptrace(PTRACE_GETREGS, child, 0, registers), "PTRACE_GETREGS");
  check(ptrace(PTRACE_GETSIGINFO, child, 0, info), "PTRACE_GETSIGINFO");
  return WSTOPSIG(status);
}

static struct user_regs_struct read_registers(void) {
  struct user_regs_struct registers;
  check(ptrace(PTRACE_GETREGS, child, 0, &registers), "PTRACE_GETREGS");
  /* No system call is to be restarted. */
  registers.orig_rax = UINT64_MAX;
  return registers;
}

static void print_signal(int number, const siginfo_t *info) {
  printf("signal %d %d %#lx\n", number, info->si_code, (unsigned long)info->si_addr);
}

static void resume(uint64_t address) {
  siginfo_t info;
  struct user_regs_struct registers = read_registers();
  registers.rip = address;
  int number = step(&registers, &info, 0);
  if (number == SIGTRAP) {
    printf("%#llx\n", registers.rip - 1);
  } else {
    printf("%#llx ", registers.rip);
    print_signal(number, &info);
  }
}

/* The child stops at its handler, then once more on the way there. */
static void deliver(uint64_t address, long number) {
  siginfo_t info;
  struct user_regs_struct before = read_registers(), registers = before;
  registers.rip = address;
  step(&registers, &info, number);
  if (registers.rip == (uintptr_t)arena + HANDLER_OFFSET) {
    errno = 0;
    long saved = ptrace(PTRACE_PEEKDATA, child, registers.rsp + FRAME_RIP_OFFSET, 0);
    check(-errno, "PTRACE_PEEKDATA");
    printf("handler %#lx", saved);
  } else {
    printf("%#llx", registers.rip);
  }
  before.rip = (uintptr_t)arena + HANDLER_OFFSET;
  int stopped = step(&before, &info, 0);
  if (stopped == SIGTRAP) {
    printf("\n");
  } else {
    printf(" ");
    print_signal(stopped, &info);
  }
}

static void call(const uint64_t word[WORDS]) {
  siginfo_t info;
  struct user_regs_struct registers = read_registers();
  registers.rip = (uintptr_t)judge_syscall;
  registers.rax = word[0];
  registers.rdi = word[1];
  registers.rsi = word[2];
  registers.rdx = word[3];
  registers.r10 = word[4];
  int number = step(&registers, &info, 0);
  if (number == SIGTRAP) {
    printf("%lld\n", (long long)registers.rax);
  } else {
    print_signal(number, &info);
  }
}

static void carry_out(char *line) {
  char *rest = NULL;
  const char *verb = strtok_r(line, " \n", &rest);
  uint64_t word[WORDS] = {0};
  for (int i = 0; i < WORDS; i++) {
    const char *text = strtok_r(NULL, " \n", &rest);
    word[i] = text == NULL ? 0 : strtoull(text, NULL, 0);
  }
  if (verb == NULL) {
    return;
  }
  if (strcmp(verb, "poke") == 0) {
    memcpy((void *)word[0], &word[1], sizeof(uint64_t));
  } else if (strcmp(verb, "poke4") == 0) {
    memcpy((void *)word[0], &word[1], sizeof(uint32_t));
  } else if (strcmp(verb, "peek") == 0) {
    printf("%#lx\n", *(volatile uint64_t *)word[0]);
  } else if (strcmp(verb, "peek4") == 0) {
    printf("%#x\n", *(volatile uint32_t *)word[0]);
  } else if (strcmp(verb, "call") == 0) {
    call(word);
  } else if (strcmp(verb, "resume") == 0) {
    resume(word[0]);
  } else if (strcmp(verb, "deliver") == 0) {
    deliver(word[0], (long)word[1]);
  } else if (strcmp(verb, "move") == 0) {
    pin(child, (int)word[0]);
  } else if (strcmp(verb, "reset") == 0) {
    reset();
  } else if (strcmp(verb, "next") == 0) {
    printf("--\n");
  } else {
    errno = EINVAL;
    give_up(verb);
  }
}

int main(void) {
  char line[LINE_BYTES];
  map(arena, ARENA_PAGES * PAGE_BYTES);
  map(top, PAGE_BYTES);
  start_child();
  while (fgets(line, sizeof line, stdin) != NULL) {
    carry_out(line);
  }
  kill(child, SIGKILL);
  return 0;
}
