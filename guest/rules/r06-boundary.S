/*
 * The section ends one byte into the instruction behind the commit.
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
  movl $0, %eax
  ret
  end_function section

  handler
#ifdef FIXED
  describe
#else
  describe length=.Lend-.Lstart+1
#endif
