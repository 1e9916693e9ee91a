/* Masks, queues, siginfo, flags of handlers, frames, alternate stacks, restarts. */
#include "guest.h"

static volatile int calls;

static void note(int signal) {
  calls++;
  show("handler", signal);
  show(" mask", (long)mask_now());
}
static void note_info(int signal, struct info *info, struct context *context) {
  calls++;
  show("handler", signal);
  show(" si_signo", info->signal);
  show(" si_code", info->code);
  show(" si_errno", info->error);
  show(" own pid", (int)info->fields[0] == own_pid());
  show(" value", (long)info->fields[1]);
  show(" saved mask", (long)context->mask);
  show(" mask", (long)mask_now());
}

static void masks(void) {
  u64 set = BIT(SIGUSR1);
  show("old", (long)mask_with(SIG_BLOCK, BIT(SIGUSR1) | BIT(SIGKILL) | BIT(SIGSTOP)));
  show("old", (long)mask_with(SIG_BLOCK, BIT(SIGUSR2)));
  show("old", (long)mask_with(SIG_UNBLOCK, BIT(SIGUSR1)));
  show("old", (long)mask_with(SIG_SETMASK, ~0UL));
  show("now", (long)mask_now());
  show("how 3", call(14, 3, &set, 0, 8));
  show("size 4", call(14, 0, &set, 0, 4));
  show("bad set", call(14, 0, 8, 0, 8));
  show("bad old", call(14, 0, &set, 8, 8));
  show("bad how without set", call(14, 9, 0, &set, 8));
  show("now", (long)mask_now());
  show("pending size 9", call(127, &set, 9, 0, 0));
  show("pending size 0", call(127, 8, 0, 0, 0));
  show("pending bad", call(127, 8, 8, 0, 0));
  show("suspend size", call(130, &set, 4, 0, 0));
  show("suspend bad", call(130, 8, 8, 0, 0));
}

static void actions(void) {
  struct action action = {note, ~0UL, restorer, ~0UL}, old;
  show("bad size", call(13, SIGUSR1, &action, 0, 4));
  show("signal 0", call(13, 0, &action, 0, 8));
  show("signal 65", call(13, 65, &action, 0, 8));
  show("signal -1", call(13, -1, &action, 0, 8));
  show("SIGKILL", call(13, SIGKILL, &action, 0, 8));
  show("SIGSTOP", call(13, SIGSTOP, &action, 0, 8));
  show("SIGKILL asked", call(13, SIGKILL, 0, &old, 8));
  show("handler", (long)old.handler);
  show("bad act", call(13, SIGUSR1, 8, 0, 8));
  show("bad old", call(13, SIGUSR1, 0, 8, 8));
  show("bad act first", call(13, 65, 8, 0, 8));
  show("set", call(13, SIGUSR1, &action, 8, 8));
  show("asked", call(13, SIGUSR1, 0, &old, 8));
  show("same handler", old.handler == (void *)note);
  show("same restorer", old.restorer == (void *)restorer);
  show("flags", (long)old.flags);
  show("mask", (long)old.mask);
}

static void coalesced(void) {
  handle(SIGUSR1, note_info, SA_SIGINFO, 0);
  handle(SIGRT, note_info, SA_SIGINFO, 0);
  handle(SIGRT + 1, note_info, SA_SIGINFO, 0);
  handle(SIGTERM, note_info, SA_SIGINFO, 0);
  mask_with(SIG_BLOCK, ~0UL);
  for (int i = 0; i < 3; i++) {
    struct info info = {0, i, -1, 0, {(u64)own_pid(), 0x1234 + i}};
    show("queue", call(129, own_pid(), SIGRT + (i & 1), &info, 0));
    show("queue standard", call(129, own_pid(), SIGUSR1, &info, 0));
    show("queue to thread", call(297, own_pid(), own_tid(), SIGRT, &info));
  }
  raise(SIGUSR1);
  call(62, own_pid(), SIGTERM, 0, 0);
  raise(SIGTERM);
  show("pending", (long)pending_now());
  mask_with(SIG_SETMASK, 0);
  show("pending", (long)pending_now());
  show("calls", calls);
}

static void sending(void) {
  struct info info = {0, 0, -1, 0, {0}};
  int pid = own_pid(), tid = own_tid();
  show("kill 0", call(62, pid, 0, 0, 0));
  show("kill 65", call(62, pid, 65, 0, 0));
  show("kill -1", call(62, pid, -1, 0, 0));
  show("kill nobody", call(62, 0x3ffffff, 0, 0, 0));
  show("kill nobody 65", call(62, 0x3ffffff, 65, 0, 0));
  show("kill INT_MIN", call(62, 1UL << 31, 0, 0, 0));
  show("kill no group", call(62, -0x3ffffff, 0, 0, 0));
  show("tgkill 0", call(234, pid, tid, 0, 0));
  show("tgkill 65", call(234, pid, tid, 65, 0));
  show("tgkill other group", call(234, pid + 1, tid, 0, 0));
  show("tgkill zero", call(234, 0, tid, 0, 0));
  show("tgkill zero", call(234, pid, 0, 0, 0));
  show("tgkill -1", call(234, -1, tid, 0, 0));
  show("tgkill nobody", call(234, pid, 0x3ffffff, 65, 0));
  show("tkill 0", call(200, tid, 0, 0, 0));
  show("tkill 65", call(200, tid, 65, 0, 0));
  show("tkill zero", call(200, 0, 0, 0, 0));
  show("tkill nobody", call(200, 0x3ffffff, 0, 0, 0));
  show("queue bad", call(129, pid, SIGUSR1, 8, 0));
  show("queue nobody", call(129, 0x3ffffff, SIGUSR1, &info, 0));
  show("queue 65", call(129, pid, 65, &info, 0));
  show("tgqueue zero", call(297, 0, tid, SIGUSR1, &info));
  show("tgqueue bad", call(297, 0, tid, SIGUSR1, 8));
  info.code = 5;
  show("queue forged", call(129, 1, SIGUSR1, &info, 0));
  show("restart_syscall", call(219, 0, 0, 0, 0));
}

static void nested_two(int signal) {
  show("inner", signal);
  show(" mask", (long)mask_now());
}
static void nested_one(int signal) {
  show("outer", signal);
  show(" mask", (long)mask_now());
  raise(SIGUSR2);
  raise(signal);
  show(" pending", (long)pending_now());
  text("outer ends\n");
  calls++;
}
static void nested(void) {
  handle(SIGUSR1, nested_one, 0, BIT(SIGTERM));
  handle(SIGUSR2, nested_two, 0, 0);
  mask_with(SIG_BLOCK, BIT(SIGUSR1));
  raise(SIGUSR1);
  handle(SIGUSR1, nested_one, SA_RESETHAND, BIT(SIGTERM));
  mask_with(SIG_UNBLOCK, BIT(SIGUSR1));
  text("not reached: reset and raised again\n");
}
static int depth;
static void deep(int signal) {
  show("depth", ++depth);
  show(" mask", (long)mask_now());
  if (depth < 3) raise(signal);
  show("up", depth--);
}
static void nodefer(void) {
  handle(SIGUSR1, deep, SA_NODEFER, BIT(SIGUSR2));
  raise(SIGUSR1);
}
static void order(void) {
  for (int signal = 1; signal < 64; signal++)
    if (signal != SIGKILL && signal != SIGSTOP) handle(signal, note, 0, ~0UL);
  mask_with(SIG_SETMASK, ~0UL);
  for (int signal = 63; signal > 0; signal -= 3)
    if (signal != SIGKILL && signal != SIGSTOP)
      signal & 1 ? raise(signal) : call(62, own_pid(), signal, 0, 0);
  mask_with(SIG_SETMASK, 0);
}
/* Signals of faults come before others, even if no fault sent them. */
static void faults_first(void) {
  static const int sent[] = {SIGHUP, SIGUSR1, SIGSEGV, SIGQUIT, SIGTRAP, SIGABRT, SIGBUS};
  for (int i = 0; i < 7; i++) handle(sent[i], note, 0, ~0UL);
  mask_with(SIG_SETMASK, ~0UL);
  for (int i = 0; i < 7; i++) raise(sent[i]);
  mask_with(SIG_SETMASK, 0);
  text("to the process\n");
  mask_with(SIG_SETMASK, ~0UL);
  for (int i = 0; i < 7; i++) call(62, own_pid(), sent[i], 0, 0);
  mask_with(SIG_SETMASK, 0);
}
static void ignored(void) {
  handle(SIGUSR1, (void *)1, 0, 0);
  raise(SIGUSR1);
  raise(SIGCHLD);
  mask_with(SIG_BLOCK, BIT(SIGUSR1) | BIT(SIGCHLD));
  raise(SIGUSR1);
  raise(SIGCHLD);
  show("pending", (long)pending_now());
  handle(SIGUSR1, note, 0, 0);
  show("pending", (long)pending_now());
  handle(SIGUSR1, (void *)1, 0, 0);
  show("pending", (long)pending_now());
  handle(SIGUSR1, note, 0, 0);
  handle(SIGCHLD, 0, 0, 0);
  show("pending", (long)pending_now());
  mask_with(SIG_SETMASK, 0);
  text("end\n");
}
static void suspend(void) {
  u64 set = BIT(SIGUSR2);
  handle(SIGUSR1, note_info, SA_SIGINFO, 0);
  handle(SIGUSR2, note_info, SA_SIGINFO, 0);
  mask_with(SIG_SETMASK, BIT(SIGUSR1) | BIT(SIGTERM));
  raise(SIGUSR1);
  show("suspend", call(130, &set, 8, 0, 0));
  show("mask", (long)mask_now());
}
static void awaited(void) {
  struct info info;
  u64 set = BIT(SIGUSR1) | BIT(SIGRT), none[2] = {0, 0}, bad[2] = {0, 1000000000};
  mask_with(SIG_BLOCK, set);
  raise(SIGRT);
  raise(SIGUSR1);
  show("took", call(128, &set, &info, 0, 8));
  show(" code", info.code);
  show("took", call(128, &set, 0, none, 8));
  show("nothing", call(128, &set, 0, none, 8));
  show("bad time", call(128, &set, 0, bad, 8));
  show("bad time address", call(128, &set, 0, 8, 8));
  show("bad size", call(128, &set, 0, none, 4));
  none[1] = 1000;
  show("timeout", call(128, &set, 0, none, 8));
  raise(SIGUSR1);
  show("bad info", call(128, &set, 8, none, 8));
  show("pending", (long)pending_now());
}

static void terminated(void) { raise(SIGTERM); }
static void aborted(void) { raise(SIGABRT); }
static void killed(void) { call(62, own_pid(), SIGKILL, 0, 0); }
static void real_time(void) { raise(SIGRT); }
static void harmless(void) {
  raise(SIGWINCH);
  raise(SIGCONT);
  raise(SIGCHLD);
  text("alive\n");
}
static void blocked_kill(void) {
  mask_with(SIG_SETMASK, ~0UL);
  raise(SIGTERM);
  show("pending", (long)pending_now());
  raise(SIGKILL);
  text("not reached\n");
}
static void unblocked(void) {
  mask_with(SIG_SETMASK, ~0UL);
  raise(SIGHUP);
  raise(SIGQUIT);
  text("blocked\n");
  mask_with(SIG_SETMASK, 0);
  text("not reached\n");
}

const struct scenario scenarios[] = {
    {"masks", masks},
    {"actions", actions},
    {"coalesced", coalesced},
    {"sending", sending},
    {"nested", nested},
    {"nodefer", nodefer},
    {"order", order},
    {"faults-first", faults_first},
    {"ignored", ignored},
    {"suspend", suspend},
    {"awaited", awaited},
    {"terminated", terminated},
    {"aborted", aborted},
    {"killed", killed},
    {"real-time", real_time},
    {"harmless", harmless},
    {"blocked-kill", blocked_kill},
    {"unblocked", unblocked},
    {0, 0},
};
