/*
 * What the programs of these tests share: system calls, lines of output, signal handlers. They are
 * linked without a C library, so that they do the same natively and in the model.
 */
typedef unsigned long u64;
typedef unsigned int u32;

enum {
  SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGBUS = 7, SIGFPE = 8,
  SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12, SIGALRM = 14, SIGTERM = 15, SIGCHLD = 17,
  SIGCONT = 18, SIGSTOP = 19, SIGWINCH = 28, SIGRT = 40,
};
enum {
  SA_NOCLDSTOP = 1, SA_NOCLDWAIT = 2, SA_SIGINFO = 4, SA_RESTORER = 0x4000000,
  SA_ONSTACK = 0x8000000, SA_RESTART = 0x10000000, SA_NODEFER = 0x40000000,
};
#define SA_RESETHAND 0x80000000u
enum { SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2 };
#define BIT(signal) (1UL << ((signal) - 1))

struct action { void *handler; u64 flags; void *restorer; u64 mask; };
struct stack { void *pointer; int flags; u64 size; };
struct info { int signal, error, code, padding; u64 fields[14]; };
struct context {
  u64 flags, link;
  struct stack stack;
  u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
  unsigned short cs, gs, fs, ss;
  u64 error, trap, oldmask, cr2;
  unsigned char *fp;
  u64 reserved[8];
  u64 mask;
};

static inline long call6(long n, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#define call(n, a, b, c, d) call6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static inline u64 length_of(const char *text) {
  u64 length = 0;
  while (text[length] != 0) length++;
  return length;
}
static inline void text(const char *it) { call(1, 1, it, length_of(it), 0); }
static inline void hex(u64 value) {
  char digits[20];
  int at = 20;
  do digits[--at] = "0123456789abcdef"[value & 15]; while ((value >>= 4) != 0);
  call(1, 1, digits + at, 20 - at, 0);
}
/* One line: a name and a number. */
static inline void show(const char *name, long value) {
  text(name);
  text(value < 0 ? " -" : " ");
  hex(value < 0 ? (u64)-value : (u64)value);
  text("\n");
}

void restorer(void);
static inline long handle(int signal, void *handler, u64 flags, u64 mask) {
  struct action action = {handler, flags | SA_RESTORER, restorer, mask};
  return call(13, signal, &action, 0, 8);
}
static inline u64 mask_with(int how, u64 set) {
  u64 old = 0;
  call(14, how, &set, &old, 8);
  return old;
}
static inline u64 mask_now(void) {
  u64 old = 0;
  call(14, 0, 0, &old, 8);
  return old;
}
static inline u64 pending_now(void) {
  u64 set = 0;
  call(127, &set, 8, 0, 0);
  return set;
}
static inline int own_pid(void) { return (int)call(39, 0, 0, 0, 0); }
static inline int own_tid(void) { return (int)call(186, 0, 0, 0, 0); }
static inline long raise(int signal) { return call(234, own_pid(), own_tid(), signal, 0); }
static inline _Noreturn void quit(int status) {
  for (;;) call(231, status, 0, 0, 0);
}
static inline int same(const char *a, const char *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return *a == *b;
}

struct scenario { const char *name; void (*run)(void); };
extern const struct scenario scenarios[];

__asm__(".globl _start, restorer\n"
        "_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin\n"
        "restorer: mov $15, %eax\n syscall\n"
        ".section .note.GNU-stack, \"\"\n.text\n");

/* Runs the scenario that the first argument names. */
__attribute__((used)) static void begin(u64 *stack) {
  const char *name = (const char *)stack[2];
  for (const struct scenario *it = scenarios; it->name != 0; it++) {
    if (same(it->name, name)) {
      it->run();
      quit(0);
    }
  }
  text("no such scenario\n");
  quit(99);
}
