/*
 * The section has two exits, and one of them is not listed for debuggers.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  cmpq $-1, (%rdx)
  je .Lfull
  cmpq $-2, (%rdx)
  je .Lbusy
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
.Lfull:
  ret
.Lbusy:
  ret
  end_function section

  describe
  handler
  .pushsection __rseq_exit_point_array, "aw"
  .quad .Lstart, .Lfull
#ifdef FIXED
  .quad .Lstart, .Lbusy
#endif
  .popsection
