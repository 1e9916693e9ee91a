/*
 * The section changes the number that it is given, and the retry goes on with it.
 */
#include "rules/frame.h"

  function section
  choose_slot
  movl $1, %esi
.Lretry:
  arm
.Lstart:
  check_cpu
  movq (%rdx), %rax
#ifdef FIXED
  addq %rsi, %rax
  movq %rax, (%rdx)
#else
  addq %rax, %rsi
  movq %rsi, (%rdx)
#endif
.Lend:
  ret
  end_function section

  describe
  handler retry=.Lagain

  function again
.Lagain:
  movl CPU_ID_START, %ecx
  movl %ecx, %edx
  shlq $SLOT_SHIFT, %rdx
  addq $slots, %rdx
  jmp .Lretry
  end_function again
