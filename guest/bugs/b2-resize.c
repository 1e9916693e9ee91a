/*
 * tcmalloc fc7fff01: the memory of a slab is given back (MADV_DONTNEED) while another thread pops:
 * it has loaded `current`, finds `begin` zeroed, and gives an item of the zeroed memory away. The
 * cure closes the slab by `begin`, which no section writes, and fences; then nobody writes `current` any
 * more, and it empties the slab and fences again: with `current` zero, zeroes in `begin` do no harm.
 */
#include "mapped.h"
#include "slab.h"

enum { SYS_MADVISE = 28, MADV_DONTNEED = 4, FIRST = 8 };

static struct slab *slab;

POP(LOAD_CURRENT LOAD_BEGIN)

static void give_back(void) {
#ifdef FIXED
  store(&slab->begin, SLAB_ITEMS);
  fence();
  store(&slab->current, 0);
  fence();
#endif
  long result;
  __asm__ volatile(FAULTY "syscall"
                   : "=a"(result)
                   : "a"(SYS_MADVISE), "D"(slab), "S"(PAGE_BYTES), "d"(MADV_DONTNEED)
                   : "rcx", "r11", "memory");
  if (result != 0) {
    fail(EXIT_UNABLE, "madvise: errno %ld\n", -result);
  }
}

TASK work(struct thread *self) {
  if (self->index == 0) {
    POP_ROUNDS(slab, self);
  } else {
    do_other_work(OTHER_WORK_LONG);
    give_back();
    do_other_work(OTHER_WORK_LONG);
  }
}

int main(void) {
  threads_init();
  allow_fences();
  slab = (struct slab *)map_page();
  slab->begin = FIRST;
  slab->current = FIRST + 1;
  slab->end = SLAB_ITEMS;
  slab->items[FIRST] = ITEM;
  expect("b2-resize: pops of garbage", run_tasks(TASKS, work), 0);
  return EXIT_OK;
}
