/*
 * A section longer than the time slices it is given, because it gives them up itself: two threads on one
 * CPU abort each other for ever (Linux up to 6.18).
 */
#include "yield.h"

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("s16-livelock", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
