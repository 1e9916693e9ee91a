/*
 * The abort handler jumps to the store that arms, with the descriptor still in its register.
 */
#include "rules/frame.h"

  function section
  leaq .Ldescriptor(%rip), %r8
.Lretry:
  movq %r8, RSEQ_CS
.Lstart:
  movl CPU_ID_START, %edx
  shlq $SLOT_SHIFT, %rdx
  addq $slots, %rdx
  incq (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
