/*
 * An instruction lies between the store that arms and start_ip.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
#ifndef FIXED
  nop
#endif
.Lstart:
  check_cpu
  movq (%rdx), %rax
  addq $1, %rax
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
