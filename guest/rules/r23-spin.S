/*
 * The section waits for a word to change.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
#ifdef FIXED
  movl $4, %esi
1:
  cmpq $0, scratch(%rip)
  je 2f
  decl %esi
  jnz 1b
2:
#else
1:
  cmpq $0, scratch(%rip)
  jne 1b
#endif
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
