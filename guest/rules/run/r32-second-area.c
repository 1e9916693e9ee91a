/*
 * A thread that is registered asks for another area, as two libraries do that do not know of each
 * other. Put right: it gives the first one back.
 */
#include <stdint.h>

#include "output.h"
#include "rseq_area.h"
#include "syscall.h"
#include "thread.h"

enum { UNREGISTER = 1 };

static struct rseq_area other;

int main(void) {
  threads_init();
#ifdef FIXED
  struct thread *self;
  __asm__ volatile("movq %%fs:0, %0" : "=r"(self));
  syscall4(SYS_RSEQ, (long)&self->rseq, sizeof self->rseq, UNREGISTER, RSEQ_SIGNATURE);
#endif
  syscall4(SYS_RSEQ, (long)&other, sizeof other, 0, RSEQ_SIGNATURE);
  return EXIT_OK;
}
