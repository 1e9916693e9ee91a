/*
 * The abort handler stores a register that the section sets on its way.
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
.Lend:
  ret
  end_function section

  describe
  .pushsection __rseq_failure, "ax"
  .byte 0x0f, 0xb9, 0x3d
  .long RSEQ_SIGNATURE
.Labort:
#ifdef FIXED
  movq $1, scratch(%rip)
#else
  movq %rax, scratch(%rip)
#endif
  jmp .Lretry
  .popsection
