/*
 * The thread that takes the counter over raises the flag but does not fence: an owner whose section has
 * looked at the flag already commits into what was taken.
 */
#include "drain.h"

static void take_over(struct thread *self) {
  READY_NOTHING(taken);
  store(&stopped, 1);
#ifdef FIXED
  fence();
#endif
  TAKE_OVER(taken);
  self->result = taken;
}

TASK work(struct thread *self) {
  if (self->index == 0) {
    count_rounds(self);
  } else {
    do_other_work(OTHER_WORK_LONG);
    take_over(self);
    do_other_work(OTHER_WORK_LONG);
  }
}

int main(void) {
  threads_init();
  allow_fences();
  expect("s14-no-fence", run_tasks(TASKS, work), ROUNDS);
  return EXIT_OK;
}
