/*
 * The word before the abort handler is not the signature that was registered.
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
#ifdef FIXED
  .long RSEQ_SIGNATURE
#else
  .long RSEQ_SIGNATURE + 1
#endif
.Labort:
  jmp .Lretry
  .popsection
