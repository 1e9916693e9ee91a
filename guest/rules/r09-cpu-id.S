/*
 * The index comes from cpu_id, which is negative before the thread is registered.
 */
#include "rules/frame.h"

  function section
.Lretry:
#ifdef FIXED
  choose_slot
#else
  movl CPU_ID, %ecx
  movl %ecx, %edx
  shlq $SLOT_SHIFT, %rdx
  addq $slots, %rdx
#endif
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
  handler
