/*
 * The descriptor is not aligned to its size.
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

  handler
  .pushsection __rseq_cs, "aw"
  .balign 32
#ifndef FIXED
  .skip 16
#endif
.Ldescriptor:
  .long 0, 0
  .quad .Lstart, .Lend - .Lstart, .Labort
  .popsection
  .pushsection __rseq_cs_ptr_array, "aw"
  .quad .Ldescriptor
  .popsection
