/* Processes: fork, vfork, waits, SIGCHLD, shared and private memory, stopping, sections over a fork. */
#include "sections.h"

enum { WNOHANG = 1, WUNTRACED = 2, WEXITED = 4, WCONTINUED = 8, WNOWAIT = 0x1000000 };
#define WCLONE 0x80000000u
#define WALL 0x40000000u

static long wait4(int pid, int *status, u32 options) { return call(61, pid, status, options, 0); }
static long fork(void) { return call(57, 0, 0, 0, 0); }
static void nap(u64 milliseconds) {
  u64 time[2] = {0, milliseconds * 1000000};
  call(35, time, 0, 0, 0);
}
static u64 *shared_page(void) {
  return (u64 *)call6(9, 0, 4096, 3, 0x21, -1, 0);
}
/* Waits for a child and shows its status without the mark of a core dump. */
static void reap(long child) {
  int status = -1;
  show("waited for it", wait4((int)child, &status, 0) == child);
  show("status", (status & 0x7f) != 0 && (status & 0x7f) != 0x7f ? status & 0x7f : status);
}

static u64 word = 5;
static void memories(void) {
  u64 *shared = shared_page(), *untouched = shared_page();
  *shared = 1;
  int parent = own_pid();
  long child = fork();
  if (child == 0) {
    show("child sees", (long)word);
    show("its parent", call(110, 0, 0, 0, 0) == parent);
    show("one thread", own_pid() == own_tid());
    show("another pid", own_pid() != parent);
    word = 6;
    *shared = 2;
    *untouched = 3;
    quit(258);
  }
  reap(child);
  show("private", (long)word);
  show("shared", (long)*shared);
  show("untouched", (long)*untouched);
  show("no more", wait4(-1, 0, 0));
  show("gone", call(62, child, 0, 0, 0));
}
static void endings(void) {
  static const int signals[] = {SIGTERM, SIGKILL, SIGABRT, SIGRT, SIGUSR1};
  for (int i = 0; i < 5; i++) {
    long child = fork();
    if (child == 0) {
      raise(signals[i]);
      quit(1);
    }
    reap(child);
  }
  long child = fork();
  if (child == 0) *(volatile int *)0 = 1;
  reap(child);
  child = fork();
  if (child == 0) __asm__ volatile("ud2");
  reap(child);
}
static void waits(void) {
  struct info info = {7, 7, 7, 7, {7, 7, 7}};
  int status = 7;
  show("no child", wait4(-1, &status, 0));
  show("bad options", wait4(-1, &status, 0x10));
  show("INT_MIN", wait4(-0x7fffffff - 1, &status, 0));
  show("id no child", call6(247, 0, 0, (long)&info, WEXITED, 0, 0));
  show("id nothing", call6(247, 0, 0, (long)&info, WNOHANG, 0, 0));
  show("id bad options", call6(247, 0, 0, (long)&info, WEXITED | 0x20, 0, 0));
  show("id bad which", call6(247, 9, 0, (long)&info, WEXITED, 0, 0));
  show("id pid 0", call6(247, 1, 0, (long)&info, WEXITED, 0, 0));
  show("id pgid -1", call6(247, 2, -1, (long)&info, WEXITED, 0, 0));
  u64 *gate = shared_page();
  long child = fork();
  if (child == 0) {
    while (*(volatile u64 *)gate == 0) nap(1);
    quit(3);
  }
  show("not yet", wait4((int)child, &status, WNOHANG));
  show("not yet", call6(247, 1, child, (long)&info, WEXITED | WNOHANG, 0, 0));
  show("signo", info.signal);
  show("code", info.code);
  show("someone else", wait4((int)child + 1, &status, WNOHANG));
  show("other group", wait4(-0x3fffffff, &status, WNOHANG));
  show("own group", wait4(0, &status, WNOHANG));
  show("clones only", wait4(-1, &status, WNOHANG | (int)WCLONE));
  show("all", wait4(-1, &status, WNOHANG | WALL));
  *gate = 1;
  show("peek", call6(247, 1, child, (long)&info, WEXITED | WNOWAIT, 0, 0));
  show("signo", info.signal);
  show("code", info.code);
  show("pid", (int)info.fields[0] == child);
  show("status", (long)info.fields[1]);
  show("killable still", call(62, child, 0, 0, 0));
  show("stopped only", call6(247, 1, child, (long)&info, 2 | WNOHANG, 0, 0));
  show("bad status", wait4((int)child, (int *)8, 0));
  show("reaped all the same", wait4((int)child, &status, 0));
}

static int notes;
static void note_child(int signal, struct info *info, struct context *context) {
  notes++;
  show("SIGCHLD", signal == SIGCHLD);
  show(" code", info->code);
  show(" status", (long)(u32)info->fields[1]);
  (void)context;
}
static void notified(void) {
  handle(SIGCHLD, note_child, SA_SIGINFO | SA_RESTART, 0);
  long child = fork();
  if (child == 0) quit(9);
  reap(child);
  child = fork();
  if (child == 0) raise(SIGKILL);
  reap(child);
  show("notes", notes);
  handle(SIGCHLD, note_child, SA_SIGINFO | SA_NOCLDWAIT, 0);
  child = fork();
  if (child == 0) quit(1);
  show("nobody", wait4((int)child, 0, 0));
  show("notes", notes);
  handle(SIGCHLD, (void *)1, 0, 0);
  child = fork();
  if (child == 0) quit(1);
  show("nobody", wait4((int)child, 0, 0));
  show("notes", notes);
}
/* Of children that stop and go on only their ends are told with SA_NOCLDSTOP. */
static void not_notified_of_stops(void) {
  static const u64 flags[] = {SA_SIGINFO | SA_RESTART, SA_SIGINFO | SA_RESTART | SA_NOCLDSTOP};
  for (int i = 0; i < 2; i++) {
    notes = 0;
    handle(SIGCHLD, note_child, flags[i], 0);
    long child = fork();
    if (child == 0) {
      raise(SIGSTOP);
      for (;;) call(34, 0, 0, 0, 0);
    }
    int status = 0;
    show("stopped", wait4((int)child, &status, WUNTRACED) == child);
    show("notes", notes);
    call(62, child, SIGCONT, 0, 0);
    /* The kernel tells of it when the child runs. */
    nap(20);
    show("continued", wait4((int)child, &status, WCONTINUED) == child);
    show("notes", notes);
    call(62, child, SIGKILL, 0, 0);
    reap(child);
    show("notes", notes);
  }
}
/* A signal that is ignored is kept while it is blocked, but not that of a child nobody waits for. */
static void ignored_while_blocked(void) {
  mask_with(SIG_BLOCK, BIT(SIGCHLD) | BIT(SIGUSR1));
  handle(SIGUSR1, (void *)1, 0, 0);
  raise(SIGUSR1);
  show("sent", (long)pending_now());
  handle(SIGCHLD, (void *)1, 0, 0);
  long child = fork();
  if (child == 0) quit(1);
  show("nobody", wait4((int)child, 0, 0));
  show("pending", (long)pending_now());
  handle(SIGCHLD, 0, SA_NOCLDWAIT, 0);
  child = fork();
  if (child == 0) quit(1);
  show("nobody", wait4((int)child, 0, 0));
  show("pending", (long)pending_now());
}
/* clone3 with CLONE_CLEAR_SIGHAND: handlers are gone in the child, what is ignored stays so. */
static void cleared_handlers(void) {
  handle(SIGUSR1, note_child, SA_SIGINFO, 0);
  handle(SIGUSR2, (void *)1, 0, 0);
  u64 wanted[11] = {0x100000000UL, 0, 0, 0, SIGCHLD, 0, 0, 0, 0, 0, 0};
  for (int i = 0; i < 2; i++) {
    long child = call(435, wanted, sizeof(wanted), 0, 0);
    if (child == 0) {
      struct action action;
      call(13, SIGUSR1, 0, &action, 8);
      show("default", action.handler == 0);
      show("flags", (long)action.flags);
      call(13, SIGUSR2, 0, &action, 8);
      show("ignored", action.handler == (void *)1);
      quit(0);
    }
    reap(child);
    wanted[0] = 0;
  }
}
/* A program may not pretend to another process that the kernel, kill or tkill sent a signal. */
static void forged(void) {
  static const int codes[] = {-1, -6, 0, 0x80, -60};
  mask_with(SIG_BLOCK, BIT(SIGUSR1));
  long child = fork();
  if (child == 0)
    for (;;) call(34, 0, 0, 0, 0);
  for (int i = 0; i < 5; i++) {
    struct info info = {SIGUSR1, 0, codes[i], 0, {0}};
    show("to another", call(129, child, SIGUSR1, &info, 0));
    show("to itself", call(129, own_pid(), SIGUSR1, &info, 0));
    show("to its thread", call6(297, own_pid(), own_tid(), SIGUSR1, (long)&info, 0, 0));
  }
  call(62, child, SIGKILL, 0, 0);
  reap(child);
}
/* A child that does not send SIGCHLD is waited for with __WCLONE or __WALL only, others without. */
static void clone_children(void) {
  static const u64 options[] = {0, 0x80000000UL, 0x40000000UL};
  for (u64 i = 0; i < 6; i++) {
    long child = call(56, i < 3 ? 0 : SIGCHLD, 0, 0, 0);
    if (child == 0) quit(3);
    nap(5);
    show("waited", call(61, child, 0, options[i % 3], 0) == child);
    show("left", call(61, child, 0, 0x40000000UL, 0) == child);
  }
}
static void stopping(void) {
  u64 *gate = shared_page();
  int status = 0;
  long child = fork();
  if (child == 0) {
    for (u64 i = 0; i < 2; i++) {
      while (*(volatile u64 *)gate <= i) nap(1);
      raise(SIGSTOP);
    }
    for (;;) call(34, 0, 0, 0, 0);
  }
  for (int i = 0; i < 2; i++) {
    *(volatile u64 *)gate = (u64)i + 1;
    show("stopped", wait4((int)child, &status, WUNTRACED) == child);
    show(" status", status);
    show("once", wait4((int)child, &status, WUNTRACED | WNOHANG));
    call(62, child, SIGCONT, 0, 0);
    show("continued", wait4((int)child, &status, WCONTINUED) == child);
    show(" status", status);
    show("once", wait4((int)child, &status, WCONTINUED | WNOHANG));
  }
  call(62, child, SIGSTOP, 0, 0);
  show("stopped", wait4((int)child, &status, WUNTRACED) == child);
  call(62, child, SIGTERM, 0, 0);
  nap(5);
  show("waits stopped", wait4((int)child, &status, WNOHANG));
  call(62, child, SIGKILL, 0, 0);
  reap(child);
}
static void stopped_sleep(void) {
  long parent = own_pid(), child = fork();
  u64 time[2] = {0, 60000000}, left[2] = {0, 0};
  if (child == 0) {
    nap(10);
    call(62, parent, SIGSTOP, 0, 0);
    nap(10);
    call(62, parent, SIGCONT, 0, 0);
    quit(0);
  }
  handle(SIGCHLD, 0, 0, 0);
  show("sleep", call(35, time, left, 0, 0));
  reap(child);
}
static void inherited(void) {
  handle(SIGUSR1, note_child, SA_SIGINFO, 0);
  mask_with(SIG_SETMASK, BIT(SIGUSR1) | BIT(SIGUSR2));
  raise(SIGUSR1);
  long child = fork();
  if (child == 0) {
    show("mask", (long)mask_now());
    show("pending", (long)pending_now());
    struct action action;
    call(13, SIGUSR1, 0, &action, 8);
    show("handler", action.handler == (void *)note_child);
    quit(0);
  }
  reap(child);
  show("pending", (long)pending_now());
}
static void orphan(void) {
  u64 *shared = shared_page();
  long child = fork();
  if (child == 0) {
    long middle = own_pid();
    if (fork() == 0) {
      while (call(110, 0, 0, 0, 0) == middle) nap(1);
      *(volatile u64 *)shared = 1;
      quit(0);
    }
    quit(0);
  }
  reap(child);
  while (*(volatile u64 *)shared == 0) nap(1);
  show("not ours", wait4(-1, 0, 0));
}
static volatile u64 vforked;
static void vforks(void) {
  long child;
  vforked = 0;
  /* The child shares the stack: it must not return. */
  __asm__ volatile("mov $58, %%eax\n syscall\n test %%eax, %%eax\n jnz 1f\n"
                   "  movq $7, %1\n mov $60, %%eax\n mov $4, %%edi\n syscall\n 1:"
                   : "=&a"(child), "+m"(vforked)
                   :
                   : "rcx", "r11", "rdi", "memory");
  show("its store is seen", (long)vforked);
  reap(child);
}
static void futexes(void) {
  u32 *shared = (u32 *)shared_page();
  long child = fork();
  if (child == 0) {
    while (*(volatile u32 *)shared == 0) call(202, shared, 0, 0, 0);
    quit(0);
  }
  nap(5);
  *(volatile u32 *)shared = 1;
  call(202, shared, 1, 100, 0);
  reap(child);
  u32 *own = (u32 *)&word;
  *own = 0;
  child = fork();
  if (child == 0) {
    u64 time[2] = {0, 20000000};
    show("private memory does not meet", call(202, own, 0, 0, time));
    quit(0);
  }
  nap(5);
  show("woken", call(202, own, 1, 100, 0));
  reap(child);
}
static void group_kill(void) {
  long first = fork();
  if (first == 0) for (;;) nap(1000);
  long second = fork();
  if (second == 0) for (;;) nap(1000);
  show("same group", call(111, 0, 0, 0, 0) != 0);
  call(62, first, SIGTERM, 0, 0);
  call(62, second, SIGKILL, 0, 0);
  reap(first);
  reap(second);
}

/* fork in the middle of a section: sets result to what fork returned, and landed to 1 if aborted. */
void fork_inside(u64 *result, u64 *landed);
__asm__(".pushsection .data\n.balign 32\nfork_section: .long 0, 0\n"
        "  .quad fork_start, fork_end - fork_start, fork_abort\n.popsection\n"
        "fork_inside: push %rbx\n mov %rsi, %rbx\n lea fork_section(%rip), %rax\n"
        "  mov %rax, area+8(%rip)\n"
        "fork_start: mov $57, %eax\n syscall\n nop\n"
        "fork_end: mov %rax, (%rdi)\n movq $0, (%rbx)\n pop %rbx\n ret\n"
        "  .byte 0x0f, 0xb9, 0x3d\n .long 0x53053053\n"
        "fork_abort: mov %rax, (%rdi)\n movq $1, (%rbx)\n pop %rbx\n ret\n");
static void section_fork(void) {
  u64 result = 99, landed = 99;
  show("register", register_area(&area));
  fork_inside(&result, &landed);
  if (result == 0) {
    show("child aborted", (long)landed);
    show("again", register_area(&area));
    show("unregister", call(334, &area, 32, 1, 0x53053053));
    quit(0);
  }
  reap((long)result);
  show("parent committed", landed == 0);
  show("still registered", register_area(&area));
}

const struct scenario scenarios[] = {
    {"memories", memories},
    {"endings", endings},
    {"waits", waits},
    {"notified", notified},
    {"not-notified-of-stops", not_notified_of_stops},
    {"ignored-while-blocked", ignored_while_blocked},
    {"cleared-handlers", cleared_handlers},
    {"forged", forged},
    {"clone-children", clone_children},
    {"stopping", stopping},
    {"stopped-sleep", stopped_sleep},
    {"inherited", inherited},
    {"orphan", orphan},
    {"vforks", vforks},
    {"futexes", futexes},
    {"group-kill", group_kill},
    {"section-fork", section_fork},
    {0, 0},
};
