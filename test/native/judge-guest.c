/*
 * Carries out scripts that a generator wrote, on a kernel or in the emulator: judge-guest SCRIPT...
 * Each script answers with one line. Its words are separated by single spaces, its numbers are
 * hexadecimal, `-` stands for the result of the last system call, `@` for the first thread's id:
 *   W ADDRESS BYTES           stores bytes
 *   V ADDRESS VALUE           stores 64 bits
 *   Q ADDRESS                 prints 64 bits
 *   L ADDRESS                 prints 32 bits
 *   s NUMBER A B C D E F      a system call, whose result it prints
 *   S NUMBER A B C D E F      one whose result it does not print
 *   r ADDRESS                 calls code there and prints what it returns; a child of fork that came
 *                             back from there ends with it as its status, and two bits more: whether
 *                             rseq_cs is set, and the lowest of RESULT
 *   h NUMBER FLAGS            handles a signal: prints what the handler found
 *   t CPU SCRIPT .            a second thread on that CPU carries a script out once GO is set, then
 *                             sets DONE
 *   j                         waits until that thread has gone, and prints its last result
 * Code, data and the thread's flags are at the fixed addresses below; code is all `nop` at first.
 */
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

enum {
  PAGE_BYTES = 4096,
  CODE_PAGES = 4,
  STACK_BYTES = 16384,
  OUTPUT_BYTES = 4096,
  SYS_WRITE = 1,
  SYS_MMAP = 9,
  SYS_MPROTECT = 10,
  SYS_RT_SIGACTION = 13,
  SYS_SCHED_YIELD = 24,
  SYS_NANOSLEEP = 35,
  SYS_GETPID = 39,
  SYS_SCHED_SETAFFINITY = 203,
  SYS_EXIT_GROUP = 231,
  MAP_FLAGS = 0x100032,
  READ_WRITE = 3,
  READ_WRITE_EXECUTE = 7,
  /* As thread libraries ask for, with CLONE_CHILD_CLEARTID. */
  THREAD_FLAGS = 0x250f00,
  RESTORER = 0x04000000,
  SIGINFO = 4,
  FRAME_RIP_OFFSET = 40 + 16 * 8,
  FIRST_FAULT_CODE = 1,
  WAIT_BYTES = 8,
};

#define NOPS 0x9090909090909090UL
/* je to the comparison in front of it. */
#define WAITING 0xf674
#define CODE ((u8 *)0x50000000)
#define DATA ((u8 *)0x50004000)
#define AREA_POINTER (*(volatile u64 *)0x50004108)
#define RESULT (*(volatile u64 *)0x500048c0)
#define GO (*(volatile u32 *)0x50004800)
#define DONE (*(volatile u32 *)0x50004840)
/* Where a handler of faults sends a task that no abort handler took. */
#define AFTER_FAULT 0x50003f00UL

static u8 helper_stack[STACK_BYTES] __attribute__((aligned(16)));
static char output[OUTPUT_BYTES];
static u32 length, faults;
static const char *helper_script;
static volatile u32 helper_ready;
/* Cleared by the kernel when the thread no longer uses its stack. */
static volatile u32 helper_tid;
static u64 helper_cpu, helper_result, own_pid;

long system_call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);
long start_thread(u64 flags, void *stack, volatile u32 *tid);
long call_code(u64 address);
void restore(void);
__asm__(".globl _start, system_call, start_thread, call_code, restore\n"
        "_start:\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call run\n"
        "system_call:\n"
        "  mov %rdi, %rax\n  mov %rsi, %rdi\n  mov %rdx, %rsi\n  mov %rcx, %rdx\n"
        "  mov %r8, %r10\n  mov %r9, %r8\n  mov 8(%rsp), %r9\n  syscall\n  ret\n"
        "start_thread:\n  mov $56, %eax\n  mov %rdx, %r10\n  xor %edx, %edx\n"
        "  xor %r8d, %r8d\n  syscall\n  test %rax, %rax\n  jz 1f\n  ret\n"
        "1:  xor %ebp, %ebp\n  call help\n"
        "call_code:\n  push %rbx\n  push %rbp\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
        "  sub $8, %rsp\n  call *%rdi\n  add $8, %rsp\n"
        "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbp\n  pop %rbx\n  ret\n"
        "restore:\n  mov $15, %eax\n  syscall\n");

struct action {
  void *handler;
  u64 flags;
  void *restorer;
  u64 mask;
};

struct script {
  const char *at;
  u64 last;
};

static void put(char c) {
  if (length < OUTPUT_BYTES - 1) output[length++] = c;
}

static void put_text(const char *text) {
  while (*text != '\0') put(*text++);
}

static void put_hex(u64 value) {
  int shift = 60;
  while (shift > 0 && value >> shift == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
  put(' ');
}

/* Small negative numbers are errnos. */
static void put_result(long value) {
  if (value < 0 && value > -4096) {
    put('-');
    value = -value;
  }
  put_hex((u64)value);
}

/* What was printed survives whatever comes next. */
static void flush(void) {
  system_call(SYS_WRITE, 1, (u64)output, length, 0, 0, 0);
  length = 0;
}

static int digit(char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; }

static int is_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

static u64 next_number(struct script *script) {
  u64 value = 0;
  if (*script->at == ' ') script->at++;
  if (*script->at == '-') {
    script->at++;
    return script->last;
  }
  if (*script->at == '@') {
    script->at++;
    return own_pid;
  }
  while (is_digit(*script->at)) value = value << 4 | (u64)digit(*script->at++);
  return value;
}

static int has_number(const struct script *script) {
  char first = script->at[0] == ' ' ? script->at[1] : ' ';
  return first == '-' || first == '@' || is_digit(first);
}

static void store_bytes(struct script *script) {
  u8 *to = (u8 *)next_number(script);
  script->at++;
  for (; is_digit(script->at[0]); script->at += 2)
    *(volatile u8 *)to++ = (u8)(digit(script->at[0]) << 4 | digit(script->at[1]));
}

static void call(struct script *script, int is_shown) {
  u64 word[7] = {0};
  for (int i = 0; i < 7 && (i == 0 || has_number(script)); i++) word[i] = next_number(script);
  long result =
      system_call((long)word[0], word[1], word[2], word[3], word[4], word[5], word[6]);
  script->last = (u64)result;
  if (is_shown) put_result(result);
}

static void run_code(struct script *script) {
  flush();
  faults = 0;
  long result = call_code(next_number(script));
  u64 status = (u64)result | (AREA_POINTER != 0) << 2 | (RESULT & 1) << 3;
  if ((u64)system_call(SYS_GETPID, 0, 0, 0, 0, 0, 0) != own_pid) {
    flush();
    system_call(SYS_EXIT_GROUP, status, 0, 0, 0, 0, 0);
  }
  put_result(result);
}

static void handle(int number, const u8 *info, u8 *context) {
  u64 *saved = (u64 *)(context + FRAME_RIP_OFFSET);
  int code = *(const int *)(info + 8);
  put_text("[signal ");
  put_hex((u64)number);
  put_result(code);
  if (code >= FIRST_FAULT_CODE) put_hex(*(const u64 *)(info + 16));
  put_hex(*(const unsigned short *)*saved == WAITING ? *saved - WAIT_BYTES : *saved);
  put_hex(AREA_POINTER);
  put_text("] ");
  /* A faulting instruction would only fault again; an abort handler gets its chance. */
  int is_fault = number == 4 || number == 5 || number == 7 || number == 8 || number == 11;
  if (is_fault && (++faults > 1 || *saved < AFTER_FAULT - PAGE_BYTES)) *saved = AFTER_FAULT;
}

static void set_handler(struct script *script) {
  u64 number = next_number(script);
  struct action action = {handle, next_number(script) | SIGINFO | RESTORER, restore, 0};
  long result = system_call(SYS_RT_SIGACTION, number, (u64)&action, 0, 8, 0, 0);
  if (result != 0) put_result(result);
}

static void carry_out(struct script *script);

static void pin(u64 cpu) {
  u64 mask = 1UL << cpu;
  system_call(SYS_SCHED_SETAFFINITY, 0, sizeof mask, (u64)&mask, 0, 0, 0);
}

/* On the CPU of the first thread it sleeps, so that the other runs. */
__attribute__((used)) static void help(void) {
  u64 nap[2] = {0, 50000};
  struct script script = {helper_script, 0};
  pin(helper_cpu);
  helper_ready = 1;
  while (GO == 0) {
    if (helper_cpu == 0)
      system_call(SYS_NANOSLEEP, (u64)nap, 0, 0, 0, 0, 0);
    else
      __asm__ volatile("pause");
  }
  carry_out(&script);
  helper_result = script.last;
  DONE = 1;
  for (;;) system_call(60, 0, 0, 0, 0, 0, 0);
}

static void start_helper(struct script *script) {
  GO = DONE = helper_ready = 0;
  helper_tid = 1;
  helper_cpu = next_number(script);
  helper_script = script->at;
  while (*script->at != '.') script->at++;
  script->at++;
  start_thread(THREAD_FLAGS, helper_stack + STACK_BYTES - 16, &helper_tid);
  while (helper_ready == 0) system_call(SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0);
}

static void join_helper(void) {
  GO = 1;
  while (helper_tid != 0) system_call(SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0);
  put_result((long)helper_result);
}

static void carry_out(struct script *script) {
  while (*script->at == ' ') script->at++;
  while (*script->at != '\0' && *script->at != '.') {
    char verb = *script->at++;
    if (verb == 'W') {
      store_bytes(script);
    } else if (verb == 'V') {
      u64 *to = (u64 *)next_number(script);
      *(volatile u64 *)to = next_number(script);
    } else if (verb == 'Q') {
      put_hex(*(volatile u64 *)next_number(script));
    } else if (verb == 'L') {
      put_hex(*(volatile u32 *)next_number(script));
    } else if (verb == 's' || verb == 'S') {
      call(script, verb == 's');
    } else if (verb == 'r') {
      run_code(script);
    } else if (verb == 'h') {
      set_handler(script);
    } else if (verb == 't') {
      start_helper(script);
    } else if (verb == 'j') {
      join_helper();
    } else {
      put_text("what? ");
      return;
    }
    while (*script->at == ' ') script->at++;
  }
}

static void lay_out(void) {
  u64 bytes = (CODE_PAGES + 2) * PAGE_BYTES;
  system_call(SYS_MMAP, (u64)CODE, bytes, READ_WRITE, MAP_FLAGS, (u64)-1, 0);
  for (u32 i = 0; i < CODE_PAGES * PAGE_BYTES / 8; i++) ((volatile u64 *)CODE)[i] = NOPS;
  system_call(SYS_MPROTECT, (u64)CODE, CODE_PAGES * PAGE_BYTES, READ_WRITE_EXECUTE, 0, 0, 0);
}

__attribute__((used, noreturn)) static void run(u64 *stack) {
  own_pid = (u64)system_call(SYS_GETPID, 0, 0, 0, 0, 0, 0);
  lay_out();
  for (u64 i = 1; i < stack[0]; i++) {
    struct script script = {(const char *)stack[1 + i], 0};
    carry_out(&script);
    put('\n');
    flush();
  }
  for (;;) system_call(SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0);
}
