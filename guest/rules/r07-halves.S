/*
 * The descriptor is armed by two stores of four bytes.
 */
#include "rules/frame.h"

  function section
.Lretry:
  choose_slot
#ifdef FIXED
  arm
#else
  leaq .Ldescriptor(%rip), %rax
  movl %eax, RSEQ_CS
  shrq $32, %rax
  movl %eax, %fs:RSEQ_OFFSET_RSEQ_CS + 4
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
