/*
 * The commit is a repeated string instruction, which can be interrupted half done.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
#ifdef FIXED
  movq scratch(%rip), %rax
  movq %rax, (%rdx)
#else
  leaq scratch(%rip), %rsi
  movq %rdx, %rdi
  movl $4, %ecx
  rep movsq
#endif
.Lend:
  ret
  end_function section

  describe
  handler
