/* Exceptions and what their handlers see; system calls that signals interrupt. */
#include "guest.h"

static u64 *resume_at;
static int skip;
static void show_fault(int signal, struct info *info, struct context *context) {
  show("handler", signal);
  show(" code", info->code);
  show(" address", (long)info->fields[0]);
  show(" rip behind the label", (long)(context->rip - (u64)resume_at));
  show(" error", (long)context->error);
  show(" trap", (long)context->trap);
  show(" cr2", (long)context->cr2);
  show(" flags", (long)(context->rflags & 0x10000));
  context->rip += skip;
}
static void catch_faults(int length) {
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
  skip = length;
  for (int i = 0; i < 5; i++) handle(signals[i], show_fault, SA_SIGINFO, 0);
}
/* Runs an instruction of `length` bytes that faults, with rax = `value`. */
#define FAULT(instruction, length, value)                                                          \
  do {                                                                                             \
    catch_faults(length);                                                                          \
    void *label = &&after;                                                                         \
    (void)label;                                                                                   \
    __asm__ volatile("lea 1f(%%rip), %%rbx\n mov %%rbx, %0\n 1: " instruction                      \
                     : "=m"(resume_at)                                                             \
                     : "a"(value), "c"(0)                                                          \
                     : "rbx", "rdx", "memory");                                                    \
  after:                                                                                           \
    text("went on\n");                                                                             \
  } while (0)

static u64 *page(int protection) {
  u64 *start = (u64 *)call6(9, 0x20000000, 4096, 3, 0x100032, -1, 0);
  start[0] = 1;
  call(10, start, 4096, protection, 0);
  return start;
}
static void unmapped_read(void) { FAULT("mov (%%rax), %%dl", 2, 0x1234); }
static void unmapped_write(void) { FAULT("mov %%dl, (%%rax)", 2, 0x5678); }
static void read_only(void) { FAULT("mov %%dl, (%%rax)", 2, page(1)); }
static void no_access(void) { FAULT("mov (%%rax), %%dl", 2, page(0)); }
static void kernel_read(void) { FAULT("mov (%%rax), %%dl", 2, 0xffffffff81000000UL); }
static void kernel_write(void) { FAULT("mov %%dl, (%%rax)", 2, 0xffff888000000000UL); }
static void beyond(void) { FAULT("mov (%%rax), %%dl", 2, 0x7ffffffff000UL); }
static void wild(void) { FAULT("mov (%%rax), %%dl", 2, 0x8000000000000000UL); }
static void wild_stack(void) {
  FAULT("xchg %%rax, %%rbp\n mov %%rsp, %%rdx\n 2: mov (%%rbp), %%cl\n xchg %%rax, %%rbp", 3,
        0x8000000000000000UL);
}
static void division(void) { FAULT("div %%ecx", 2, 1); }
static void overflow(void) { FAULT("mov $-1, %%ecx\n cltd\n idiv %%ecx", 2, 0x80000000u); }
static void undefined(void) { FAULT("ud2", 2, 0); }
static void privileged(void) { FAULT("hlt", 1, 0); }
static void breakpoint(void) { FAULT("int3", 0, 0); }
static void misaligned(void) { FAULT("movaps (%%rax), %%xmm0", 3, 0x20000008UL); }

static void to_label(int signal, struct info *info, struct context *context) {
  show("handler", signal);
  show(" code", info->code);
  show(" address", (long)info->fields[0]);
  show(" rip", (long)context->rip);
  show(" error", (long)context->error);
  show(" trap", (long)context->trap);
  quit(0);
}
static void jump_nowhere(void) {
  handle(SIGSEGV, to_label, SA_SIGINFO, 0);
  __asm__ volatile("jmp *%0" : : "r"(0x1230UL));
}
static void jump_no_execution(void) {
  handle(SIGSEGV, to_label, SA_SIGINFO, 0);
  __asm__ volatile("jmp *%0" : : "r"(page(3)));
}

static void to_caller(int signal, struct info *info, struct context *context) {
  show("handler", signal);
  show(" code", info->code);
  show(" error", (long)context->error);
  context->rip = *(u64 *)context->rsp;
  context->rsp += 8;
}
/* Calls a page that was never touched, then writes there: a refused fetch may have made it present. */
static void call_untouched(int protection) {
  u64 *start = (u64 *)call6(9, 0x20000000, 4096, protection, 0x100022, -1, 0);
  handle(SIGSEGV, to_caller, SA_SIGINFO, 0);
  ((void (*)(void))start)();
  ((void (*)(void))start)();
  FAULT("mov %%dl, (%%rax)", 2, start);
}
static void call_untouched_writable(void) { call_untouched(3); }
static void call_untouched_read_only(void) { call_untouched(1); }
static void call_untouched_write_only(void) { call_untouched(2); }
static void call_untouched_no_access(void) { call_untouched(0); }

static void blocked_fault(void) {
  handle(SIGSEGV, show_fault, SA_SIGINFO, 0);
  mask_with(SIG_SETMASK, ~0UL);
  *(volatile char *)0x10 = 0;
}
static void ignored_fault(void) {
  handle(SIGFPE, (void *)1, 0, 0);
  __asm__ volatile("div %%ecx" : : "a"(1), "c"(0) : "rdx");
}
static void fault_again(int signal) {
  show("handler", signal);
  *(volatile char *)0x20 = 0;
}
static void fault_in_handler(void) {
  handle(SIGSEGV, fault_again, 0, 0);
  *(volatile char *)0x10 = 0;
}
static void no_stack_inner(int signal) {
  show("handler", signal);
  quit(5);
}
static u64 alternate[1024] __attribute__((aligned(16)));
static void no_stack(void) {
  struct stack stack = {alternate, 0, sizeof(alternate)};
  call(131, &stack, 0, 0, 0);
  handle(SIGSEGV, no_stack_inner, SA_ONSTACK, 0);
  handle(SIGUSR1, no_stack_inner, 0, 0);
  __asm__ volatile("mov $0x100, %%rsp\n mov $234, %%eax\n syscall"
                   :
                   : "D"(own_pid()), "S"(own_tid()), "d"(SIGUSR1)
                   : "memory");
}
static void stale(int signal, struct info *info, struct context *context) {
  show("handler", signal);
  show(" code", info->code);
  show(" error", (long)context->error);
  show(" trap", (long)context->trap);
  show(" cr2", (long)context->cr2);
}
static void stale_exception(void) {
  handle(SIGUSR1, stale, SA_SIGINFO, 0);
  raise(SIGUSR1);
  unmapped_write();
  handle(SIGUSR1, stale, SA_SIGINFO, 0);
  raise(SIGUSR1);
}
static void fault_before_sent(void) {
  for (int signal = 1; signal < 12; signal++)
    if (signal != SIGKILL) handle(signal, stale, SA_SIGINFO, ~0UL);
  mask_with(SIG_SETMASK, ~BIT(SIGILL));
  raise(SIGHUP);
  raise(SIGSEGV);
  raise(SIGUSR1);
  handle(SIGILL, to_label, SA_SIGINFO, 0);
  __asm__ volatile("ud2");
}

static void signal_after(int signal, u64 nanoseconds);
static u64 thread_stack[512] __attribute__((aligned(16)));
static volatile int thread_signal, thread_gone;
static u64 thread_wait[2];
static int main_tid;
static u32 futex_word;
static u64 left[2];
__attribute__((used)) static void thread_body(void) {
  call(35, thread_wait, 0, 0, 0);
  call(234, own_pid(), main_tid, thread_signal, 0);
  call(35, thread_wait, 0, 0, 0);
  futex_word = 1;
  call(202, &futex_word, 1, 10, 0);
  thread_gone = 1;
  call(60, 0, 0, 0, 0);
}
void start_thread(void *stack);
__asm__("start_thread: mov %rdi, %rsi\n mov $0x50f00, %edi\n xor %edx, %edx\n xor %r10d, %r10d\n"
        "  xor %r8d, %r8d\n mov $56, %eax\n syscall\n test %eax, %eax\n jnz 1f\n"
        "  call thread_body\n1: ret\n");
/* After so long a thread sends this one the signal; after twice that it sets futex_word. */
static void signal_after(int signal, u64 nanoseconds) {
  thread_signal = signal;
  thread_wait[0] = 0;
  thread_wait[1] = nanoseconds;
  thread_gone = 0;
  futex_word = 0;
  main_tid = own_tid();
  start_thread(thread_stack + 510);
}
static void finish(void) {
  u64 short_wait[2] = {0, 1000000};
  while (!thread_gone) call(35, short_wait, 0, 0, 0);
}
static int caught;
static void count(int signal) { caught += signal; }
#define SOON 40000000UL

static void interrupted_sleep(void) {
  u64 time[2] = {0, 4 * SOON};
  handle(SIGUSR1, count, 0, 0);
  signal_after(SIGUSR1, SOON);
  show("sleep", call(35, time, left, 0, 0));
  show("caught", caught);
  show("left", left[0] == 0 && left[1] > 0 && left[1] < 4 * SOON);
  finish();
  handle(SIGUSR1, count, SA_RESTART, 0);
  signal_after(SIGUSR1, SOON);
  show("sleep", call(35, time, left, 0, 0));
  finish();
  signal_after(SIGUSR1, SOON);
  show("bad rest", call(35, time, 8, 0, 0));
  finish();
  signal_after(SIGUSR1, SOON);
  show("clock sleep", call(230, 1, 0, time, 0));
  finish();
  show("caught", caught);
}
static void undisturbed_sleep(void) {
  u64 time[2] = {0, 3 * SOON};
  handle(SIGUSR1, (void *)1, 0, 0);
  signal_after(SIGUSR1, SOON);
  show("ignored", call(35, time, left, 0, 0));
  finish();
  signal_after(SIGWINCH, SOON);
  show("harmless", call(35, time, left, 0, 0));
  finish();
  mask_with(SIG_SETMASK, BIT(SIGUSR2));
  handle(SIGUSR2, count, 0, 0);
  signal_after(SIGUSR2, SOON);
  show("blocked", call(35, time, left, 0, 0));
  finish();
  show("pending", (long)pending_now());
}
static void interrupted_futex(void) {
  u64 time[2] = {10, 0};
  handle(SIGUSR1, count, 0, 0);
  signal_after(SIGUSR1, SOON);
  show("wait", call(202, &futex_word, 0, 0, 0));
  finish();
  handle(SIGUSR1, count, SA_RESTART, 0);
  signal_after(SIGUSR1, SOON);
  show("restarted", call(202, &futex_word, 0, 0, 0));
  finish();
  signal_after(SIGUSR1, SOON);
  show("with a timeout", call(202, &futex_word, 0, 0, time));
  finish();
  show("caught", caught);
}
static void interrupted_pause(void) {
  u64 none = 0, set = BIT(SIGUSR1), time[2] = {10, 0};
  handle(SIGUSR1, count, SA_RESTART, 0);
  signal_after(SIGUSR1, SOON);
  show("pause", call(34, 0, 0, 0, 0));
  finish();
  mask_with(SIG_SETMASK, BIT(SIGUSR1));
  signal_after(SIGUSR1, SOON);
  show("suspend", call(130, &none, 8, 0, 0));
  show("mask", (long)mask_now());
  finish();
  signal_after(SIGUSR1, SOON);
  show("awaited", call(128, &set, 0, time, 8));
  finish();
  handle(SIGUSR2, count, SA_RESTART, 0);
  signal_after(SIGUSR2, SOON);
  show("another", call(128, &set, 0, time, 8));
  finish();
  show("caught", caught);
}
static void killed_while_asleep(void) {
  signal_after(SIGTERM, SOON);
  call(34, 0, 0, 0, 0);
}

const struct scenario scenarios[] = {
    {"unmapped-read", unmapped_read},
    {"unmapped-write", unmapped_write},
    {"read-only", read_only},
    {"no-access", no_access},
    {"kernel-read", kernel_read},
    {"kernel-write", kernel_write},
    {"beyond", beyond},
    {"wild", wild},
    {"wild-stack", wild_stack},
    {"division", division},
    {"overflow", overflow},
    {"undefined", undefined},
    {"privileged", privileged},
    {"breakpoint", breakpoint},
    {"misaligned", misaligned},
    {"jump-nowhere", jump_nowhere},
    {"jump-no-execution", jump_no_execution},
    {"call-untouched-writable", call_untouched_writable},
    {"call-untouched-read-only", call_untouched_read_only},
    {"call-untouched-write-only", call_untouched_write_only},
    {"call-untouched-no-access", call_untouched_no_access},
    {"blocked-fault", blocked_fault},
    {"ignored-fault", ignored_fault},
    {"fault-in-handler", fault_in_handler},
    {"no-stack", no_stack},
    {"stale-exception", stale_exception},
    {"fault-before-sent", fault_before_sent},
    {"interrupted-sleep", interrupted_sleep},
    {"undisturbed-sleep", undisturbed_sleep},
    {"interrupted-futex", interrupted_futex},
    {"interrupted-pause", interrupted_pause},
    {"killed-while-asleep", killed_while_asleep},
    {0, 0},
};
