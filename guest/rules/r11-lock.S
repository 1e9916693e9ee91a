/*
 * The commit has a lock prefix, for which there is no need.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
#ifdef FIXED
  incq (%rdx)
#else
  lock incq (%rdx)
#endif
.Lend:
  ret
  end_function section

  describe
  handler
