/*
 * The same code stands at two places, with a descriptor each and one abort handler.
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
  testq $1, (%rdx)
  jz 1f
  choose_slot
  arm .Lother
.Lstart_other:
  check_cpu
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend_other:
1:
  ret
  end_function section

  describe
  describe .Lother, .Lstart_other, .Lend_other-.Lstart_other
  handler
