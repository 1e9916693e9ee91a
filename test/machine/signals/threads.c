/* Signals and threads: who takes them, and what they do to the others. */
#include "guest.h"

static u64 stacks[3][512] __attribute__((aligned(16)));
static volatile int tids[3], ready[3], go, caught_by[4], answers[3];
static u64 masks[3];

static int self(void) {
  int tid = own_tid();
  for (int i = 0; i < 3; i++)
    if (tids[i] == tid) return i + 1;
  return 0;
}
static void note(int signal) {
  caught_by[self()]++;
  (void)signal;
}
static void nap(void) {
  u64 time[2] = {0, 1000000};
  call(35, time, 0, 0, 0);
}
static void (*volatile job)(int);
__attribute__((used)) static void thread_body(int index) {
  tids[index] = own_tid();
  mask_with(SIG_SETMASK, masks[index]);
  ready[index] = 1;
  job(index);
  call(60, 0, 0, 0, 0);
}
void start_thread(void *stack, int index);
__asm__("start_thread: push %rbx\n mov %esi, %ebx\n mov %rdi, %rsi\n mov $0x50f00, %edi\n"
        "  xor %edx, %edx\n xor %r10d, %r10d\n xor %r8d, %r8d\n mov $56, %eax\n syscall\n"
        "  test %eax, %eax\n jnz 1f\n mov %ebx, %edi\n call thread_body\n1: pop %rbx\n ret\n");
static void start(int count, void (*what)(int)) {
  job = what;
  for (int i = 0; i < count; i++) {
    start_thread(&stacks[i][510], i);
    while (!ready[i]) nap();
  }
  for (int i = 0; i < 5; i++) nap();
}
static void show_caught(void) {
  for (int i = 0; i < 4; i++) show("caught by", caught_by[i]);
}
static void wait_for(volatile int *word, int value) {
  while (*word != value) nap();
}

static void pausing(int index) { answers[index] = (int)call(34, 0, 0, 0, 0); }
static void napping(int index) {
  while (go <= index) nap();
  answers[index] = 1;
}

static void to_one_thread(void) {
  handle(SIGUSR1, note, 0, 0);
  start(2, pausing);
  call(234, own_pid(), tids[1], SIGUSR1, 0);
  wait_for(&caught_by[2], 1);
  show_caught();
  call(200, tids[0], SIGUSR1, 0, 0);
  wait_for(&caught_by[1], 1);
  show_caught();
  for (int i = 0; i < 5; i++) nap();
  show("answer", answers[0]);
  show("answer", answers[1]);
}
static void to_whoever_wants(void) {
  handle(SIGUSR1, note, 0, 0);
  mask_with(SIG_SETMASK, BIT(SIGUSR1));
  masks[0] = BIT(SIGUSR1);
  masks[1] = 0;
  start(2, pausing);
  call(62, own_pid(), SIGUSR1, 0, 0);
  wait_for(&caught_by[2], 1);
  show_caught();
}
static void to_the_main_thread(void) {
  handle(SIGUSR1, note, 0, 0);
  start(2, pausing);
  call(62, own_pid(), SIGUSR1, 0, 0);
  show_caught();
  call(62, tids[1], SIGUSR1, 0, 0);
  for (int i = 0; i < 5; i++) nap();
  show_caught();
}
static void taken_later(int index) {
  while (go == 0) nap();
  mask_with(SIG_SETMASK, 0);
  answers[index] = 1;
  pausing(index);
}
static void pending_for_all(void) {
  handle(SIGUSR1, note, 0, 0);
  mask_with(SIG_SETMASK, BIT(SIGUSR1));
  masks[0] = BIT(SIGUSR1);
  start(1, taken_later);
  call(62, own_pid(), SIGUSR1, 0, 0);
  show("pending here", (long)pending_now());
  go = 1;
  wait_for(&caught_by[1], 1);
  show_caught();
  show("pending here", (long)pending_now());
}
static void private_pending(void) {
  handle(SIGUSR1, note, 0, 0);
  masks[0] = BIT(SIGUSR1);
  start(1, taken_later);
  call(234, own_pid(), tids[0], SIGUSR1, 0);
  show("pending here", (long)pending_now());
  show_caught();
  go = 1;
  wait_for(&caught_by[1], 1);
  show_caught();
}
static void all_die(void) {
  start(2, pausing);
  call(234, own_pid(), tids[0], SIGTERM, 0);
  for (;;) nap();
}
static void all_die_of_a_fault(void) {
  start(2, napping);
  *(volatile int *)8 = 1;
}
static void fault_of(int index) {
  if (index == 0) nap();
  __asm__ volatile("ud2");
}
static void dies_of_a_thread(void) {
  start(1, fault_of);
  for (;;) nap();
}
static void joined(int index) {
  struct action action;
  call(13, SIGUSR2, 0, &action, 8);
  answers[index] = action.handler == (void *)note;
  struct stack stack = {0, 0, 0};
  call(131, 0, &stack, 0, 0);
  show("stack of a thread", stack.flags);
  show("its mask", (long)mask_now());
}
static void shared_state(void) {
  static u64 alternate[1024];
  struct stack stack = {alternate, 0, sizeof(alternate)};
  handle(SIGUSR2, note, 0, 0);
  call(131, &stack, 0, 0, 0);
  masks[0] = BIT(SIGHUP);
  start(1, joined);
  show("handler is shared", answers[0]);
  show("mask is not", (long)mask_now());
  show("gone", call(234, own_pid(), tids[0], 0, 0));
}
static void leader_gone(int index) {
  for (int i = 0; i < 30; i++) nap();
  show("leader is there", call(62, own_pid(), 0, 0, 0));
  show("its thread", call(234, own_pid(), own_pid(), 0, 0));
  handle(SIGUSR1, note, 0, 0);
  call(62, own_pid(), SIGUSR1, 0, 0);
  show("caught by the thread", caught_by[index + 1]);
  quit(6);
}
static void without_leader(void) {
  start(1, leader_gone);
  call(60, 3, 0, 0, 0);
}

const struct scenario scenarios[] = {
    {"to-one-thread", to_one_thread},
    {"to-whoever-wants", to_whoever_wants},
    {"to-the-main-thread", to_the_main_thread},
    {"pending-for-all", pending_for_all},
    {"private-pending", private_pending},
    {"all-die", all_die},
    {"all-die-of-a-fault", all_die_of_a_fault},
    {"dies-of-a-thread", dies_of_a_thread},
    {"shared-state", shared_state},
    {"without-leader", without_leader},
    {0, 0},
};
