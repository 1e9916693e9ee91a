#include "thread.h"

#include "arguments.h"
#include "output.h"
#include "syscall.h"

enum {
  THREAD_BYTES = 16384,
  ARCH_SET_FS = 0x1002,
  FUTEX_WAIT = 0,
  ERRNO_MAX = 4095,
};

enum memory_flag {
  PROT_READ_WRITE = 0x3,
  MAP_PRIVATE_ANONYMOUS = 0x22,
};

enum clone_flag {
  CLONE_VM = 0x100,
  CLONE_FS = 0x200,
  CLONE_FILES = 0x400,
  CLONE_SIGHAND = 0x800,
  CLONE_THREAD = 0x10000,
  CLONE_SYSVSEM = 0x40000,
  CLONE_SETTLS = 0x80000,
  CLONE_PARENT_SETTID = 0x100000,
  CLONE_CHILD_CLEARTID = 0x200000,
};

static struct thread main_thread;

long thread_clone(unsigned long flags, void *stack, uint32_t *parent_tid, uint32_t *child_tid,
                  struct thread *tls);
_Noreturn void thread_run(void);

#ifndef RSEQ_SCHEME_REGISTERS
void rseq_register(struct rseq_area *area) {
  area->cpu_id = UINT32_MAX;
  long result = syscall4(SYS_RSEQ, (long)area, sizeof *area, 0, RSEQ_SIGNATURE);
  if (result != 0) {
    fail(EXIT_UNABLE, "rseq: registration refused, errno %ld\n", -result);
  }
}
#endif

void threads_init(void) {
  main_thread.self = &main_thread;
  long result = syscall3(SYS_ARCH_PRCTL, ARCH_SET_FS, (long)&main_thread, 0);
  if (result != 0) {
    fail(EXIT_UNABLE, "arch_prctl: errno %ld\n", -result);
  }
  rseq_register(&main_thread.rseq);
}

/* The first code of a new thread, on its own stack, called by thread_clone. */
_Noreturn void thread_run(void) {
  struct thread *self;
  __asm__("movq %%fs:0, %0" : "=r"(self));
  rseq_register(&self->rseq);
  self->run(self);
  for (;;) {
    syscall1(SYS_EXIT, 0);
  }
}

struct thread *thread_start(void (*run)(struct thread *self), uint32_t index) {
  long base = syscall6(SYS_MMAP, 0, THREAD_BYTES, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  if (base < 0 && base >= -ERRNO_MAX) {
    fail(EXIT_UNABLE, "mmap: errno %ld\n", -base);
  }
  /* The block is the top of the mapping and the stack grows down from it: one page serves both. */
  struct thread *thread = (struct thread *)(base + THREAD_BYTES) - 1;
  thread->self = thread;
  thread->index = index;
  thread->run = run;
  unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                        CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  long result = thread_clone(flags, thread, &thread->tid, &thread->tid, thread);
  if (result < 0) {
    fail(EXIT_UNABLE, "clone: errno %ld\n", -result);
  }
  return thread;
}

uint64_t thread_join(struct thread *thread) {
  uint32_t tid;
  while ((tid = __atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE)) != 0) {
    /* The kernel wakes with a shared futex key, so the wait must not be a private one. */
    syscall4(SYS_FUTEX, (long)&thread->tid, FUTEX_WAIT, (long)tid, 0);
  }
  return thread->result;
}

uint64_t run_tasks(uint32_t tasks, void (*run)(struct thread *self)) {
  struct thread *threads[TASKS_MAX];
  uint64_t sum = 0;
  for (uint32_t index = 0; index < tasks; index++) {
    threads[index] = thread_start(run, index);
  }
  for (uint32_t index = 0; index < tasks; index++) {
    sum += thread_join(threads[index]);
  }
  return sum;
}
