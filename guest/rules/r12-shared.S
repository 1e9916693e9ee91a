/*
 * The section clears a word that it has read, so that others do, before its commit.
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
  movq $0, scratch(%rip)
#endif
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
