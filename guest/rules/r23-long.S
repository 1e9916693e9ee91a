/*
 * The section has some hundred instructions.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  movq (%rdx), %rax
#ifdef FIXED
  addq $600, %rax
#else
  .rept 600
  addq $1, %rax
  .endr
#endif
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
