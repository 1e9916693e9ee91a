/*
 * The section changes nothing: it reads two words that belong together.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
  arm
.Lstart:
  check_cpu
  movq (%rdx), %rax
  movq 8(%rdx), %rsi
.Lend:
  ret
  end_function section

  describe
  handler
