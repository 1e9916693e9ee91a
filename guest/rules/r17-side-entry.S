/*
 * Another function jumps into the middle of the section.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  movq (%rdx), %rax
.Lmiddle:
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler

  function intruder
  choose_slot
  movq (%rdx), %rax
#ifdef FIXED
  jmp .Lretry
#else
  jmp .Lmiddle
#endif
  end_function intruder
