/*
 * The slot is chosen before the section, which does not look whether the CPU is still the same.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
#ifdef FIXED
  check_cpu
#else
  nop
#endif
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
