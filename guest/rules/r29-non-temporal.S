/*
 * Data is stored past the caches, and may arrive behind the commit that makes it known.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  movnti %rcx, scratch(%rip)
#ifdef FIXED
  sfence
#else
  nop
#endif
  incq (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
