/*
 * The abort handler goes back to start_ip: the retry is not armed.
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

  describe
#ifdef FIXED
  handler
#else
  handler retry=.Lstart
#endif
