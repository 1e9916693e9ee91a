/*
 * The pointer array lists the descriptor twice.
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
  ret
  end_function section

  describe
  handler
#ifndef FIXED
  .pushsection __rseq_cs_ptr_array, "aw"
  .quad .Ldescriptor
  .popsection
#endif
