/*
 * The thread that takes the counter over raises the flag but does not fence: an owner whose section has
 * looked at the flag already commits into what was taken.
 */
#include "drain.h"

static void take_over(struct thread *self) {
  __asm__ volatile(FAULTY "movq $1, %[stopped]" : [stopped] "=m"(stopped) : : "memory");
#ifdef FIXED
  fence();
#endif
  self->result = __atomic_load_n(&slot.value, __ATOMIC_ACQUIRE);
  store(&slot.value, 0);
}

TASK work(struct thread *self) {
  if (self->index == 0) {
    take_over(self);
  } else {
    count_up(self);
  }
}

int main(void) {
  threads_init();
  allow_fences();
  uint64_t counted = run_tasks(TASKS, work);
  expect("s14-no-fence", counted, 1);
  return EXIT_OK;
}
