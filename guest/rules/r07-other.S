/*
 * The store before start_ip arms another section, which comes later in the function.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
#ifdef FIXED
  arm
#else
  arm .Lother
#endif
.Lstart:
  check_cpu
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  choose_slot
  arm .Lother
.Lstart_other:
  check_cpu
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend_other:
  ret
  end_function section

  describe
  describe .Lother, .Lstart_other, .Lend_other-.Lstart_other
  handler
