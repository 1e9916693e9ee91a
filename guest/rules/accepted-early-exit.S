/*
 * A section that has nothing to do leaves by a branch to post-commit itself.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  cmpq $-1, (%rdx)
  je .Lend
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
