/*
 * The section ends in an indirect jump.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
#ifndef FIXED
  leaq .Lnext(%rip), %rax
  jmp *%rax
.Lnext:
#endif
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
