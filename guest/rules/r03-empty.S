/*
 * The section is empty: both labels are at its start, so that nothing is ever inside.
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
  describe length=0
#endif
