/*
 * The number is read inside and the slot derived from it: there is nothing to compare.
 */
#include "rules/frame.h"

  function section
.Lretry:
  arm
.Lstart:
  movl CPU_ID_START, %edx
  shlq $SLOT_SHIFT, %rdx
  addq $slots, %rdx
  incq (%rdx)
.Lend:
  ret
  end_function section

  describe
  handler
