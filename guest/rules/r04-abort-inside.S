/*
 * The abort handler lies inside the section that it belongs to.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
#ifndef FIXED
  jmp 1f
  .byte 0x0f, 0xb9, 0x3d
  .long RSEQ_SIGNATURE
.Labort:
  jmp .Lretry
#endif
1:
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
#ifdef FIXED
  handler
#endif
