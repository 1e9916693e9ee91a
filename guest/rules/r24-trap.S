/*
 * The section traps where a value is wrong.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  cmpq $-1, (%rdx)
#ifdef FIXED
  je .Lwrong
#else
  jne 1f
  ud2
1:
#endif
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
.Lwrong:
  ud2
  end_function section

  describe
  handler
