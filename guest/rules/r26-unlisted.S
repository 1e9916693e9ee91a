/*
 * The pointer array lists one descriptor of two.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  choose_slot
  arm .Lother
.Lstart_other:
  check_cpu
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend_other:
  ret
  end_function section

  describe
  .pushsection __rseq_cs, "aw"
  .balign 32
.Lother:
  .long 0, 0
  .quad .Lstart_other, .Lend_other - .Lstart_other, .Labort
  .popsection
#ifdef FIXED
  .pushsection __rseq_cs_ptr_array, "aw"
  .quad .Lother
  .popsection
#endif
  handler
