/*
 * The section makes a system call (getpid).
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  movl $39, %eax
#ifndef FIXED
  syscall
#endif
  movq %rax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
