/*
 * The section compares another reading of the number than the one that the slot was chosen by.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
#ifdef FIXED
  movl %ecx, %esi
#else
  movl CPU_ID_START, %esi
#endif
  arm
.Lstart:
  cmpl %esi, CPU_ID
  jne .Labort
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
