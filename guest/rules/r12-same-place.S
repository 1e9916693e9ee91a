/*
 * The section stores to where its commit stores: an abort in between leaves the slot empty.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  movq scratch(%rip), %rax
#ifndef FIXED
  movq $0, (%rdx)
#endif
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
