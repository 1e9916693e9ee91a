/*
 * The section keeps a register on the stack for a while.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
#ifdef FIXED
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
#else
  pushq %rcx
  movq (%rdx), %rax
  addq $1, %rax
  popq %rcx
  movq %rax, (%rdx)
#endif
.Lend:
  ret
  end_function section

  describe
  handler
