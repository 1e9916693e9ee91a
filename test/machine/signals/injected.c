/* Sections under signals from outside: no addition may be lost, and handlers see where they are. */
#include "sections.h"

static volatile u64 total, handled, inside, armed;

static void add_in_handler(int signal, struct info *info, struct context *context) {
  handled++;
  inside += context->rip - (u64)section_start < (u64)(section_end - section_start);
  armed += area.section != 0;
  add_one(&total);
  (void)signal;
  (void)info;
}

static void counter(void) {
  show("register", register_area(&area));
  handle(SIGUSR1, add_in_handler, SA_SIGINFO, ~0UL);
  handle(SIGUSR2, add_in_handler, SA_SIGINFO, ~0UL);
  for (int i = 0; i < 200; i++) add_one(&total);
  mask_with(SIG_SETMASK, ~0UL);
  show("lost", (long)(200 + handled - total));
  show("saved inside", (long)inside);
  show("armed in handlers", (long)armed);
  quit(handled == 0);
}

/* A word that is added to twice: its halves differ if a handler runs in between. */
static volatile u64 first, second;
static void look(int signal) {
  if (first != second) quit(40 + signal);
}
static void torn(void) {
  handle(SIGUSR1, look, 0, 0);
  for (int i = 0; i < 50; i++) first++, second++;
}

const struct scenario scenarios[] = {
    {"counter", counter},
    {"torn", torn},
    {0, 0},
};
