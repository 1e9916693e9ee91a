/*
 * Where a guest begins: the first bytes of the image, and the way a thread comes to life.
 */
  .section .text.start, "ax"

/* The kernel leaves argc, argv, NULL, envp, NULL, auxv on the stack. */
  .globl _start
  .type _start, @function
_start:
  xorl %ebp, %ebp
  movq (%rsp), %rdi
  leaq 8(%rsp), %rsi
  leaq 8(%rsi,%rdi,8), %rdx
  andq $-16, %rsp
  call main
  movl %eax, %edi
  call exit_process
  .size _start, . - _start

/*
 * long thread_clone(flags, stack, parent_tid, child_tid, tls): clone(2) takes the fourth argument
 * in r10. The parent returns with its result; the child has an empty 16-byte-aligned stack and runs
 * thread_run.
 */
  .text
  .globl thread_clone
  .type thread_clone, @function
thread_clone:
  movq %rcx, %r10
  movl $56, %eax
  syscall
  testq %rax, %rax
  jz 1f
  ret
1:
  xorl %ebp, %ebp
  call thread_run
  ud2
  .size thread_clone, . - thread_clone

  .section .note.GNU-stack, "", @progbits
