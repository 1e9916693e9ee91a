/*
 * The number is compared with both words of the area at once.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  movq CPU_ID_START, %rax
  cmpl %ecx, %eax
  jne .Labort
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
