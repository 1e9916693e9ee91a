/*
 * Words are copied to a private place in a loop, then one store commits.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  xorl %esi, %esi
1:
  movq 8(%rdx,%rsi,8), %rax
  movq %rax, scratch(,%rsi,8)
  addl $1, %esi
  cmpl $4, %esi
  jb 1b
  incq (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
