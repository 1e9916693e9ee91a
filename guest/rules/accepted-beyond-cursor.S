/*
 * An item goes beyond the cursor, where nobody looks until a store of 16 bits moves the cursor, as
 * in tcmalloc.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  movzwl (%rdx), %eax
  andl $3, %eax
  movq %rcx, 8(%rdx,%rax,8)
  addl $1, %eax
  movw %ax, (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
