/*
 * An instruction behind the commit is still inside: interrupted there, the section counts twice.
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
#ifndef FIXED
  movl $1, %eax
#endif
.Lend:
  ret
  end_function section

  describe
  handler
