/*
 * A program that writes cpu_id itself. Put right: it writes cpu_id_start, which a registration of 32
 * bytes leaves to it (tcmalloc keeps a pointer across that word).
 */
#include <stdint.h>

#include "output.h"
#include "rseq_area.h"
#include "thread.h"

int main(void) {
  threads_init();
  struct thread *self;
  __asm__ volatile("movq %%fs:0, %0" : "=r"(self));
#ifdef FIXED
  *(volatile uint32_t *)&self->rseq.cpu_id_start = 0;
#else
  *(volatile uint32_t *)&self->rseq.cpu_id = 0;
#endif
  return EXIT_OK;
}
