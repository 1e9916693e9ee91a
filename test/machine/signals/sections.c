/* Signals and faults inside sections, and over descriptors that the kernel refuses. */
#include "sections.h"

enum { PLAIN, UNDEFINED, RAISE, READ_NOTHING, SYSCALL, BREAKPOINT };

/* Runs a section that does one thing; returns 0 if it committed and 1 if it was aborted. */
long run_section(long what, int pid, int tid);
extern char inner_start[], inner_end[], inner_abort[];
extern struct section inner_section;
__asm__(".pushsection .data\n.balign 32\n.globl inner_section\n"
        "inner_section: .long 0, 0\n .quad inner_start, inner_end - inner_start, inner_abort\n"
        ".popsection\n.globl run_section, inner_start, inner_end, inner_abort\n"
        "run_section: mov %rdi, %r8\n mov %esi, %edi\n mov %edx, %esi\n mov $10, %edx\n"
        "  lea inner_section(%rip), %rax\n mov %rax, area+8(%rip)\n"
        "inner_start: cmp $1, %r8\n jne 2f\n ud2\n 2: cmp $2, %r8\n jne 3f\n"
        "  mov $234, %eax\n syscall\n 3: cmp $3, %r8\n jne 4f\n mov 0, %rax\n"
        "  4: cmp $4, %r8\n jne 5f\n mov $39, %eax\n syscall\n 5: cmp $5, %r8\n jne 6f\n int3\n"
        "  6: movq $0, area+8(%rip)\n xor %eax, %eax\n"
        "inner_end: ret\n"
        "  .byte 0x0f, 0xb9, 0x3d\n .long 0x53053053\n"
        "inner_abort: mov $1, %eax\n ret\n");
static long run(long what) { return run_section(what, own_pid(), own_tid()); }

static int skip, disarms;
static void seen(int signal, struct info *info, struct context *context) {
  u64 rip = context->rip, armed = area.section;
  /* Before anything that may give the CPU away: the kernel would look at it again. */
  if (disarms) area.section = 0;
  show("handler", signal);
  show(" code", info->code);
  show(" at abort", rip == (u64)inner_abort);
  show(" inside", rip - (u64)inner_start < (u64)(inner_end - inner_start));
  show(" armed", armed != 0);
  show(" address inside", info->fields[0] - (u64)inner_start < (u64)(inner_end - inner_start));
  context->rip += skip;
}
static void begin_run(void) {
  static const int signals[] = {SIGSEGV, SIGILL, SIGTRAP, SIGUSR1};
  for (int i = 0; i < 4; i++) handle(signals[i], seen, SA_SIGINFO, 0);
  show("register", register_area(&area));
}
static void caught_inside(void) {
  begin_run();
  show("plain", run(PLAIN));
  show("raise", run(RAISE));
  show("undefined", run(UNDEFINED));
  show("read of nothing", run(READ_NOTHING));
  show("breakpoint", run(BREAKPOINT));
  show("system call", run(SYSCALL));
}
static void not_caught_inside(void) {
  begin_run();
  mask_with(SIG_SETMASK, BIT(SIGUSR1));
  show("blocked", run(RAISE));
  handle(SIGUSR1, (void *)1, 0, 0);
  mask_with(SIG_SETMASK, 0);
  show("ignored", run(RAISE));
}
static void caught_outside(void) {
  begin_run();
  area.section = (u64)&inner_section;
  raise(SIGUSR1);
  show("cleared", area.section == 0);
}
static void not_registered(void) {
  static const int signals[] = {SIGILL, SIGUSR1};
  for (int i = 0; i < 2; i++) handle(signals[i], seen, SA_SIGINFO, 0);
  show("raise", run(RAISE));
  skip = 2;
  show("undefined", run(UNDEFINED));
}
static void nested_section(int signal, struct info *info, struct context *context) {
  seen(signal, info, context);
  handle(signal, seen, SA_SIGINFO | SA_NODEFER, 0);
  show("in the handler", run(PLAIN));
  show("in the handler", run(RAISE));
}
static void sections_in_handlers(void) {
  begin_run();
  handle(SIGUSR1, nested_section, SA_SIGINFO | SA_NODEFER, 0);
  show("raise", run(RAISE));
}

static void refused_caught(int signal, struct info *info, struct context *context) {
  seen(signal, info, context);
  show(" mask", (long)mask_now());
  show(" pending", (long)pending_now());
  struct action action;
  show(" action", call(13, SIGSEGV, 0, &action, 8));
}
static void refused(void) {
  begin_run();
  disarms = 1;
  handle(SIGSEGV, refused_caught, SA_SIGINFO, 0);
  inner_section.version = 1;
  area.section = (u64)&inner_section;
  raise(SIGUSR1);
  text("not reached\n");
}
static void refused_nodefer(void) {
  begin_run();
  handle(SIGSEGV, refused_caught, SA_SIGINFO | SA_NODEFER, 0);
  inner_section.version = 1;
  raise(SIGWINCH);
  area.section = (u64)&inner_section;
  raise(SIGSEGV);
  text("not reached\n");
}
static void refused_handler_clears(int signal) {
  area.section = 0;
  show("handler", signal);
  call(14, SIG_SETMASK, 0, 0, 8);
}
static void refused_once(void) {
  begin_run();
  handle(SIGSEGV, refused_handler_clears, 0, 0);
  inner_section.version = 1;
  area.section = (u64)&inner_section;
  raise(SIGSEGV);
  text("not reached\n");
}
static void refused_again(int signal) {
  area.section = 0;
  show("handler", signal);
  handle(SIGSEGV, refused_again, 0, 0);
}
static void refused_survived(void) {
  begin_run();
  handle(SIGSEGV, refused_again, 0, 0);
  inner_section.version = 1;
  area.section = (u64)&inner_section;
  raise(SIGUSR1);
  text("survived by a new handler\n");
}
static void refused_default(void) {
  begin_run();
  handle(SIGSEGV, 0, 0, 0);
  inner_section.flags = 1;
  show("outside", (area.section = (u64)&inner_section, raise(SIGUSR1)));
  run(RAISE);
  text("not reached\n");
}
static void refused_blocked(void) {
  begin_run();
  mask_with(SIG_SETMASK, BIT(SIGSEGV));
  inner_section.start = 0;
  inner_section.length = ~0UL;
  area.section = (u64)&inner_section;
  raise(SIGUSR1);
  text("not reached\n");
}
static void area_lost(void) {
  u64 page = (u64)call6(9, 0, 4096, 3, 0x22, -1, 0);
  handle(SIGSEGV, seen, SA_SIGINFO, 0);
  handle(SIGUSR1, seen, SA_SIGINFO, 0);
  show("register", register_area((struct rseq_area *)page));
  call(11, page, 4096, 0, 0);
  raise(SIGUSR1);
  text("not reached\n");
}

const struct scenario scenarios[] = {
    {"caught-inside", caught_inside},
    {"not-caught-inside", not_caught_inside},
    {"caught-outside", caught_outside},
    {"not-registered", not_registered},
    {"sections-in-handlers", sections_in_handlers},
    {"refused", refused},
    {"refused-nodefer", refused_nodefer},
    {"refused-once", refused_once},
    {"refused-survived", refused_survived},
    {"refused-default", refused_default},
    {"refused-blocked", refused_blocked},
    {"area-lost", area_lost},
    {0, 0},
};
