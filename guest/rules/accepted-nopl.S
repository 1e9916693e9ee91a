/*
 * The signature is part of a nopl, as in tcmalloc.
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
  .byte 0x0f, 0x1f, 0x05
  .long RSEQ_SIGNATURE
.Labort:
  jmp .Lretry
  .popsection
