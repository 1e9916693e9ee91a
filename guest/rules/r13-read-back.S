/*
 * The section reads back what it has stored before its commit.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  movq %rcx, scratch(%rip)
#ifdef FIXED
  movq %rcx, %rax
#else
  movq scratch(%rip), %rax
#endif
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
