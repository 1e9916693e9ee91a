/*
 * What the guests of this folder share: each has one function, `section`, that breaks one rule, and
 * built with -DFIXED does not. It is written in assembly, so that nothing is there but what is meant:
 *
 *   choose_slot            ecx = the CPU's number, rdx = the address of its slot
 *   arm                    rseq_cs = .Ldescriptor, by way of rax; start_ip comes next
 *   check_cpu              is the number still right? else to the abort handler
 *   describe               the descriptor, listed in the pointer array
 *   handler                the abort handler behind its signature, which goes to .Lretry
 *
 * The usual labels: .Lretry before choose_slot, .Lstart, .Lend, .Labort, .Ldescriptor.
 */
#include "rseq_area.h"

/* Else the symbol table has the name of a temporary file. */
  .file __BASE_FILE__

#define CPU_ID_START %fs:RSEQ_OFFSET
#define CPU_ID %fs:RSEQ_OFFSET_CPU_ID
#define RSEQ_CS %fs:RSEQ_OFFSET_RSEQ_CS

/* How often main calls `section`. */
#define ROUNDS 32
#define SLOT_SHIFT 6
#define SLOTS 256

  .macro choose_slot
  movl CPU_ID_START, %ecx
  movl %ecx, %edx
  shlq $SLOT_SHIFT, %rdx
  addq $slots, %rdx
  .endm

  .macro arm descriptor=.Ldescriptor
  leaq \descriptor(%rip), %rax
  movq %rax, RSEQ_CS
  .endm

  .macro check_cpu abort=.Labort
  cmpl %ecx, CPU_ID
  jne \abort
  .endm

  .macro describe name=.Ldescriptor, start=.Lstart, length=.Lend-.Lstart, abort=.Labort, flags=0
  .pushsection __rseq_cs, "aw"
  .balign 32
\name:
  .long 0, \flags
  .quad \start, \length, \abort
  .popsection
  .pushsection __rseq_cs_ptr_array, "aw"
  .quad \name
  .popsection
  .endm

  .macro handler name=.Labort, retry=.Lretry
  .pushsection __rseq_failure, "ax"
  .byte 0x0f, 0xb9, 0x3d
  .long RSEQ_SIGNATURE
\name:
  jmp \retry
  .popsection
  .endm

  .macro function name
  .text
  .globl \name
  .type \name, @function
\name:
  .endm

  .macro end_function name
  .size \name, . - \name
  .endm

  .local slots
  .comm slots, SLOTS << SLOT_SHIFT, 64
  .local scratch
  .comm scratch, 64, 64

  function main
  pushq %rbx
  call threads_init
  movl $ROUNDS, %ebx
1:
  call section
  decl %ebx
  jnz 1b
  xorl %eax, %eax
  popq %rbx
  ret
  end_function main

  .section .note.GNU-stack, "", @progbits
