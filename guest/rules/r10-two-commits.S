/*
 * A counter is updated before the last store: interrupted in between, it is updated twice.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  movq 8(%rdx), %rax
  addq $1, %rax
#ifdef FIXED
  movq %rax, 8(%rdx)
#else
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
  movq %rax, 8(%rdx)
#endif
.Lend:
  ret
  end_function section

  describe
  handler
