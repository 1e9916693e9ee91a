/*
 * The section ends before its commit.
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
#ifndef FIXED
.Lend:
#endif
  movq %rax, (%rdx)
#ifdef FIXED
.Lend:
#endif
  ret
  end_function section

  describe
  handler
