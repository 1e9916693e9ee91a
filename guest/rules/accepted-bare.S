/*
 * The signature stands alone.
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
  .long RSEQ_SIGNATURE
.Labort:
  jmp .Lretry
  .popsection
