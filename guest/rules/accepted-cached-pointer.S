/*
 * After tcmalloc: a pointer to the CPU's slab is kept over cpu_id_start, where the kernel's next store
 * of the number breaks its highest bit; the section looks at that bit in place of comparing numbers. It
 * puts an item beyond the cursor, leaves by post-commit where there is no room, and commits by a store
 * of 16 bits.
 * (Here no slab is ever kept, so that the slow path is always taken.)
 */
#include "rules/frame.h"

#define CACHED_SLAB %fs:RSEQ_OFFSET - 4

  function section
  movl $1, %edi
.Lretry:
  leaq .Ldescriptor(%rip), %r10
  movq %r10, RSEQ_CS
.Lstart:
  movq CACHED_SLAB, %r11
  btrq $63, %r11
  jnc .Lslow
  movzwl (%r11,%rdi,8), %r10d
  cmpw %r10w, 4(%r11,%rdi,8)
  jbe .Lend
  movq %rcx, (%r11,%r10,8)
  addl $1, %r10d
  movw %r10w, (%r11,%rdi,8)
.Lend:
  ret
.Lslow:
  xorl %eax, %eax
  ret
  end_function section

  describe
  .pushsection .text.unlikely, "ax"
  .byte 0x0f, 0x1f, 0x05
  .long RSEQ_SIGNATURE
.Labort:
  jmp .Lretry
  .popsection
