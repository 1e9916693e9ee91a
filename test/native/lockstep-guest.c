/* Stepped natively and in the emulator, instruction by instruction: every kind of instruction that
 * compiled code has and the engine executes by itself. Starts from the same registers and stack. */
typedef unsigned long u64;
typedef unsigned char u8;

__attribute__((used)) static u8 stack[65536] __attribute__((aligned(64)));
static u8 bytes[512] __attribute__((aligned(16)));
static u64 words[64] __attribute__((aligned(16)));
static double doubles[32] __attribute__((aligned(16)));
static float floats[32] __attribute__((aligned(16)));
volatile u64 sink;

__asm__(".globl _start, begin\n"
        "_start:\n"
        "  xor %eax, %eax\n  xor %ebx, %ebx\n  xor %ecx, %ecx\n  xor %edx, %edx\n"
        "  xor %esi, %esi\n  xor %edi, %edi\n  xor %ebp, %ebp\n"
        "  xor %r8d, %r8d\n  xor %r9d, %r9d\n  xor %r10d, %r10d\n  xor %r11d, %r11d\n"
        "  xor %r12d, %r12d\n  xor %r13d, %r13d\n  xor %r14d, %r14d\n  xor %r15d, %r15d\n"
        "  pxor %xmm0, %xmm0\n  pxor %xmm1, %xmm1\n  pxor %xmm2, %xmm2\n  pxor %xmm3, %xmm3\n"
        "  pxor %xmm4, %xmm4\n  pxor %xmm5, %xmm5\n  pxor %xmm6, %xmm6\n  pxor %xmm7, %xmm7\n"
        "  pxor %xmm8, %xmm8\n  pxor %xmm9, %xmm9\n  pxor %xmm10, %xmm10\n  pxor %xmm11, %xmm11\n"
        "  pxor %xmm12, %xmm12\n  pxor %xmm13, %xmm13\n  pxor %xmm14, %xmm14\n  pxor %xmm15, %xmm15\n"
        "  lea stack+65536(%rip), %rsp\n"
        "begin:\n"
        "  call work\n"
        "  mov $231, %eax\n  xor %edi, %edi\n  syscall\n");

static u64 state = 0x9e3779b97f4a7c15;
static u64 draw(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static u64 collatz(u64 n) { return n == 1 ? 0 : 1 + collatz(n & 1 ? 3 * n + 1 : n / 2); }

static void divide(void) {
  for (int i = 0; i < 40; i++) {
    u64 a = draw(), b = draw() >> (i + 8) | 1;
    sink += a / b + a % b;
    sink += (u64)((long)a / (long)b) ^ (u64)((int)a / (int)(b | 1));
    sink += (u64)(((unsigned __int128)a * b) >> 64);
  }
}

static void shift(void) {
  for (int i = 0; i < 40; i++) {
    u64 a = draw();
    int n = (int)(draw() & 63);
    sink += a << n ^ a >> n ^ (u64)((long)a >> n) ^ (a << n | a >> ((64 - n) & 63));
    sink += (u64)__builtin_ctzl(a | 1) + (u64)__builtin_clzl(a | 1) + (u64)__builtin_bswap64(a);
  }
}

static void atomics(void) {
  for (int i = 0; i < 60; i++) {
    u64 *word = &words[i & 15], expected = *word;
    __atomic_fetch_add(word, (u64)i, __ATOMIC_SEQ_CST);
    __atomic_compare_exchange_n(word, &expected, draw(), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    sink += __atomic_exchange_n(&words[16], draw(), __ATOMIC_SEQ_CST) + expected;
    __atomic_or_fetch(&words[17], 1UL << (i & 63), __ATOMIC_SEQ_CST);
  }
  u64 low = 0, high = 0;
  u8 equal;
  for (int i = 0; i < 4; i++)
    __asm__ volatile("lock cmpxchg16b %1\n setz %0"
                     : "=q"(equal), "+m"(*(__int128 *)&words[20]), "+a"(low), "+d"(high)
                     : "b"(5UL), "c"(6UL)
                     : "cc");
  sink += equal + low + high;
}

static void strings(void) {
  for (int i = 0; i < 12; i++) {
    u64 count = 3 + (draw() & 15);
    void *to = bytes + 256 + i, *from = bytes + i;
    u64 n = count;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    to = words + 32;
    n = count & 7;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(draw()) : "memory");
    from = bytes;
    n = count;
    __asm__ volatile("repne scasb" : "+D"(from), "+c"(n) : "a"(bytes[7]) : "memory", "cc");
    to = bytes + 256 + i, from = bytes + i, n = count + 4;
    __asm__ volatile("repe cmpsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory", "cc");
    sink += n;
    from = bytes + 40, to = bytes + 300, n = 4;
    __asm__ volatile("std\n rep movsl\n cld" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
  }
}

static void vectors(void) {
  for (int i = 0; i < 32; i++) doubles[i] = (double)(long)(draw() >> 20), floats[i] = (float)i / 3;
  for (int round = 0; round < 6; round++)
    for (int i = 0; i < 31; i++) {
      doubles[i] = doubles[i] * 1.5 + doubles[i + 1] / (doubles[i] + 2.0);
      floats[i] = floats[i] > floats[i + 1] ? floats[i] - 1 : floats[i + 1] * 0.5f;
      sink += (u64)(long)doubles[i];
    }
  double root = doubles[3] < 0 ? -doubles[3] : doubles[3];
  __asm__ volatile("sqrtsd %0, %0\n cvtsd2ss %0, %%xmm9\n pshufd $0x1b, %0, %%xmm10\n"
                   "paddq %%xmm10, %%xmm9\n punpcklbw %%xmm9, %%xmm10\n pmuludq %%xmm10, %%xmm9\n"
                   "pcmpeqb %%xmm9, %%xmm10\n pmovmskb %%xmm10, %%eax\n movdqa %%xmm9, %1\n"
                   "movups %%xmm10, 9+%1\n"
                   : "+x"(root), "=m"(*(__int128 *)words)
                   :
                   : "rax", "xmm9", "xmm10", "memory");
  sink += (u64)root;
}

static void branches(void) {
  for (int i = 0; i < 60; i++) {
    u64 a = draw() & 7;
    switch (a) {
    case 0: sink += 3; break;
    case 1: sink ^= 5; break;
    case 2: sink -= draw(); break;
    case 3: sink *= 7; break;
    case 4: sink = ~sink; break;
    default: sink += a > 5 ? a : sink & a; break;
    }
  }
  __asm__ volatile("mov $9, %%ecx\n 1: loop 1b\n mov $3, %%ecx\n 2: dec %%ecx\n jnz 2b\n"
                   "clc\n sbb %%rax, %%rax\n adc $1, %%rax\n bt $2, %%rax\n rcl $1, %%rax\n"
                   "push %%rax\n pop %%rcx\n xchg %%al, %%ah\n cwd\n cqo\n"
                   : : : "rax", "rcx", "rdx", "cc");
}

void work(void) {
  for (int i = 0; i < 512; i++) bytes[i] = (u8)draw();
  divide();
  shift();
  atomics();
  strings();
  vectors();
  branches();
  for (u64 n = 1; n < 12; n++) sink += collatz(n);
}
