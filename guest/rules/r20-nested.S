/*
 * A section arms another one, which ends with it.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
#ifndef FIXED
  arm .Linner
.Lstart_inner:
  check_cpu
#endif
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
#ifndef FIXED
  describe .Linner, .Lstart_inner, .Lend-.Lstart_inner
#endif
  handler
