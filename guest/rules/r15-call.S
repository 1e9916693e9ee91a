/*
 * The section calls a function.
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
  addq $1, %rax
#else
  call increment
#endif
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler

  function increment
  addq $1, %rax
  ret
  end_function increment
