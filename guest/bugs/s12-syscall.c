/*
 * A system call inside the section: Linux 6.19 does not abort a thread for what happens to it in
 * one, and the thread that ran meanwhile loses its update.
 */
#include "yield.h"

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("s12-syscall", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
