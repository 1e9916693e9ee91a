/* Frames: what handlers are given, where, and what comes of what they change. */
#include "guest.h"

static void note(int signal) { show("handler", signal); }

static struct context seen;
static unsigned char image[512];
__attribute__((used)) u64 at_entry[8];
void entry(void);
/* Notes registers as the handler finds them, then the frame, and changes it. */
__asm__("entry: mov %rax, at_entry(%rip)\n mov %rdi, at_entry+8(%rip)\n"
        "  pushf\n pop %rax\n mov %rax, at_entry+16(%rip)\n movq %xmm5, %rax\n"
        "  mov %rax, at_entry+24(%rip)\n stmxcsr at_entry+32(%rip)\n fnstcw at_entry+40(%rip)\n"
        "  mov %rsp, at_entry+48(%rip)\n jmp frame_handler\n");
__attribute__((used, force_align_arg_pointer)) static void frame_handler(int signal, struct info *info,
                                                                        struct context *context) {
  seen = *context;
  for (int i = 0; i < 512; i++) image[i] = context->fp[i];
  show("frame below fp", (u64)context->fp - (u64)info - 128 < 64);
  show("uc behind return address", (u64)context - at_entry[6]);
  show("info behind uc", (u64)info - (u64)context);
  show("return address", *(u64 *)at_entry[6] == (u64)restorer);
  show("fp alignment", (long)((u64)context->fp & 63));
  show("frame alignment", (long)(at_entry[6] & 15));
  show("red zone", seen.rsp - 128 - 512 >= (u64)context->fp);
  context->rbx = 0xb0b0;
  context->rflags |= 1;
  *(u64 *)(context->fp + 160 + 16 * 5) = 0x5555;
  (void)signal;
}

/* Sends SIGUSR1 to this thread with known registers; stores what comes back behind `result`. */
void raise_with_registers(u64 *result, int pid);
__asm__("raise_with_registers: push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "  push %rdi\n mov %esi, %ebp\n fninit\n fld1\n fldpi\n fldz\n"
        "  mov $0x1234567890abcdef, %rbx\n movq %rbx, %xmm5\n movq %rbx, %xmm15\n"
        "  punpcklqdq %xmm15, %xmm15\n mov $0x1111, %r8\n mov $0x2222, %r9\n mov $0x3333, %r10\n"
        "  mov $0x5555, %r12\n mov $0x6666, %r13\n mov $0x7777, %r14\n mov $0x8888, %r15\n"
        "  mov %ebp, %edi\n mov %ebp, %esi\n mov $10, %edx\n mov $234, %eax\n cmp %eax, %eax\n"
        "  std\n syscall\n after_raise: pushf\n cld\n mov 8(%rsp), %rdi\n popq (%rdi)\n"
        "  mov %rbx, 8(%rdi)\n movq %xmm5, 16(%rdi)\n movq %xmm15, 24(%rdi)\n"
        "  fstpl 32(%rdi)\n fstpl 40(%rdi)\n mov %rax, 48(%rdi)\n mov %r8, 56(%rdi)\n"
        "  pop %rdi\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");
extern char after_raise[];

static void frames(void) {
  static u64 result[8];
  handle(SIGUSR1, entry, SA_SIGINFO, 0);
  mask_with(SIG_SETMASK, BIT(SIGHUP));
  raise_with_registers(result, own_pid());
  show("entry rax", (long)at_entry[0]);
  show("entry rdi", (long)at_entry[1]);
  show("entry flags", (long)at_entry[2]);
  show("entry xmm5", (long)at_entry[3]);
  show("entry mxcsr", (long)at_entry[4]);
  show("entry fpcw", (long)at_entry[5]);
  show("strict and ss", (long)(seen.flags & 6));
  show("link", (long)seen.link);
  show("rbx", (long)seen.rbx);
  show("r8", (long)seen.r8);
  show("r9", (long)seen.r9);
  show("r10", (long)seen.r10);
  show("r12", (long)seen.r12);
  show("r13", (long)seen.r13);
  show("r14", (long)seen.r14);
  show("r15", (long)seen.r15);
  show("rdi is pid", (int)seen.rdi == own_pid());
  show("rdx", (long)seen.rdx);
  show("rax", (long)seen.rax);
  show("rcx is next", seen.rcx == (u64)after_raise);
  show("rip is next", seen.rip == (u64)after_raise);
  show("r11", (long)seen.r11);
  show("rflags", (long)seen.rflags);
  show("cs", seen.cs);
  show("ss", seen.ss);
  show("fs gs", seen.fs + seen.gs);
  show("error", (long)seen.error);
  show("trap", (long)seen.trap);
  show("cr2", (long)seen.cr2);
  show("mask", (long)seen.mask);
  show("oldmask", (long)seen.oldmask);
  show("fcw", image[0] | image[1] << 8);
  show("fsw", image[2] | image[3] << 8);
  show("ftw", image[4]);
  show("mxcsr", image[24] | image[25] << 8);
  for (int i = 0; i < 4; i++) {
    show("st", (long)*(u64 *)(image + 32 + 16 * i));
    show(" exponent", *(unsigned short *)(image + 40 + 16 * i));
  }
  show("xmm5", (long)*(u64 *)(image + 160 + 80));
  show("xmm15", (long)*(u64 *)(image + 160 + 240 + 8));
  text("afterwards\n");
  for (int i = 0; i < 8; i++) show("result", (long)result[i]);
  show("mask", (long)mask_now());
}

static u64 alternate[1024] __attribute__((aligned(16)));
static void show_stack(const char *name) {
  struct stack stack = {0, 0, 0};
  show(name, call(131, 0, &stack, 0, 0));
  show(" set", stack.pointer == alternate);
  show(" flags", (long)(u32)stack.flags);
  show(" size", (long)stack.size);
}
static void on_stack(int signal, struct info *info, struct context *context) {
  u64 local;
  struct stack other = {alternate, 0, sizeof(alternate)};
  show("handler", signal);
  show(" on it", (u64)&local - (u64)alternate < sizeof(alternate));
  show(" frame flags", context->stack.flags);
  show_stack(" inside");
  show(" change", call(131, &other, 0, 0, 0));
  if (signal == SIGUSR1) raise(SIGUSR2);
  (void)info;
}
static void alternate_stack(void) {
  struct stack stack = {alternate, 0, sizeof(alternate)};
  show("bad flags", (stack.flags = 4, call(131, &stack, 0, 0, 0)));
  show("too small", (stack.flags = 0, stack.size = 2047, call(131, &stack, 0, 0, 0)));
  show("bad new", call(131, 8, 0, 0, 0));
  show_stack("none");
  handle(SIGUSR1, on_stack, SA_SIGINFO | SA_ONSTACK, 0);
  handle(SIGUSR2, on_stack, SA_SIGINFO | SA_ONSTACK, 0);
  stack.size = sizeof(alternate);
  show("set", call(131, &stack, 0, 0, 0));
  show("bad old", call(131, &stack, 8, 0, 0));
  show_stack("set");
  raise(SIGUSR1);
  show_stack("after");
  stack.flags = (int)0x80000000;
  show("set", call(131, &stack, 0, 0, 0));
  show_stack("disarming");
  raise(SIGUSR2);
  show_stack("after");
  stack.flags = 2;
  show("disable", call(131, &stack, 0, 0, 0));
  show_stack("disabled");
  raise(SIGUSR2);
}
static int depth;
/* Puts the stack that it runs on back: one that disarms itself is never in use. */
static void on_disarmed_stack(int signal) {
  u64 local;
  struct stack stack = {alternate, (int)0x80000000, sizeof(alternate)};
  show("handler", signal);
  show(" on it", (u64)&local - (u64)alternate < sizeof(alternate));
  show_stack(" inside");
  show(" set", call(131, &stack, 0, 0, 0));
  show(" again", call(131, &stack, 0, 0, 0));
  show_stack(" then");
  stack.flags = 0;
  if (depth++ == 0) show(" to one that stays", call(131, &stack, 0, 0, 0));
  show(" and back", (stack.flags = (int)0x80000000, call(131, &stack, 0, 0, 0)));
}
static void disarmed_stack(void) {
  struct stack stack = {alternate, (int)0x80000000, sizeof(alternate)};
  handle(SIGUSR1, on_disarmed_stack, SA_ONSTACK, 0);
  for (int i = 0; i < 2; i++) {
    show("set", call(131, &stack, 0, 0, 0));
    raise(SIGUSR1);
    show_stack("after");
  }
}
static void small_stack(void) {
  struct stack stack = {alternate, 0, 2048};
  handle(SIGUSR1, on_stack, SA_SIGINFO | SA_ONSTACK, 0);
  handle(SIGUSR2, on_stack, SA_SIGINFO | SA_ONSTACK, 0);
  __asm__ volatile("" ::: "memory");
  stack.pointer = alternate;
  show("set", call(131, &stack, 0, 0, 0));
  __asm__ volatile("mov %%rsp, %%rbx\n lea %0, %%rsp\n mov $234, %%eax\n syscall\n mov %%rbx, %%rsp"
                   :
                   : "m"(alternate[40]), "D"(own_pid()), "S"(own_tid()), "d"(SIGUSR1)
                   : "rax", "rbx", "rcx", "r11", "memory");
  text("not reached: no room for a frame\n");
}

static void no_restorer(void) {
  struct action action = {note, 0, restorer, 0};
  call(13, SIGUSR1, &action, 0, 8);
  raise(SIGUSR1);
  text("not reached\n");
}
static void on_segv(int signal) {
  show("fallback", signal);
  quit(7);
}
static void no_restorer_caught(void) {
  struct action action = {note, 0, restorer, 0};
  call(13, SIGUSR1, &action, 0, 8);
  handle(SIGSEGV, on_segv, 0, 0);
  raise(SIGUSR1);
  text("not reached\n");
}
static void bad_return(void) {
  handle(SIGSEGV, on_segv, 0, 0);
  __asm__ volatile("mov $64, %%rsp\n mov $15, %%eax\n syscall\n" ::: "memory");
}
static void bad_fp(int signal, struct info *info, struct context *context) {
  show("handler", signal);
  context->fp = (unsigned char *)8;
  (void)info;
}
static void bad_fp_return(void) {
  handle(SIGUSR1, bad_fp, SA_SIGINFO, 0);
  handle(SIGSEGV, on_segv, 0, 0);
  raise(SIGUSR1);
}
static void bad_mxcsr(int signal, struct info *info, struct context *context) {
  show("handler", signal);
  *(u32 *)(context->fp + 24) = 0x10000;
  (void)info;
}
static void bad_mxcsr_return(void) {
  handle(SIGUSR1, bad_mxcsr, SA_SIGINFO, 0);
  handle(SIGSEGV, on_segv, 0, 0);
  raise(SIGUSR1);
}
static void no_fp(int signal, struct info *info, struct context *context) {
  show("handler", signal);
  context->fp = 0;
  context->mask = ~0UL;
  context->stack.flags = 0;
  context->stack.pointer = alternate;
  context->stack.size = sizeof(alternate);
  (void)info;
}
static void no_fp_return(void) {
  handle(SIGUSR1, no_fp, SA_SIGINFO, 0);
  u64 value = 0x77;
  __asm__ volatile("movq %1, %%xmm9\n mov $234, %%eax\n syscall\n movq %%xmm9, %0"
                   : "+r"(value)
                   : "r"(value), "D"(own_pid()), "S"(own_tid()), "d"(SIGUSR1)
                   : "rax", "rcx", "r11", "memory");
  show("xmm9", (long)value);
  show("mask", (long)mask_now());
  show_stack("stack");
}

const struct scenario scenarios[] = {
    {"frames", frames},
    {"alternate-stack", alternate_stack},
    {"disarmed-stack", disarmed_stack},
    {"small-stack", small_stack},
    {"no-restorer", no_restorer},
    {"no-restorer-caught", no_restorer_caught},
    {"bad-return", bad_return},
    {"bad-fp", bad_fp_return},
    {"bad-mxcsr", bad_mxcsr_return},
    {"no-fp", no_fp_return},
    {0, 0},
};
