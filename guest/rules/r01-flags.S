/*
 * The descriptor has a flag, which kernels before 6.0 took for a filter and those up to 6.18
 * punish.
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
  ret
  end_function section

  handler
#ifdef FIXED
  describe
#else
  describe flags=1
#endif
