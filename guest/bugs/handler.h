/* A handler for SIGUSR1 without a C library. */
#ifndef GUEST_HANDLER_H
#define GUEST_HANDLER_H

#include <stdint.h>

#include "output.h"
#include "syscall.h"

enum {
  SYS_RT_SIGACTION = 13,
  SIGUSR1 = 10,
  SA_RESTORER = 0x4000000,
  SIGNAL_SET_BYTES = 8,
};

struct action {
  void (*handler)(int signal);
  uint64_t flags;
  void (*restorer)(void);
  uint64_t mask;
};

void return_from_signal(void);
__asm__(".pushsection .text\n"
        ".type return_from_signal, @function\n"
        "return_from_signal:\n\t"
        "movl $15, %eax\n\t"
        "syscall\n"
        ".size return_from_signal, . - return_from_signal\n\t"
        ".popsection");

static void handle_usr1(void (*handler)(int signal)) {
  struct action action = {handler, SA_RESTORER, return_from_signal, 0};
  long result = syscall4(SYS_RT_SIGACTION, SIGUSR1, (long)&action, 0, SIGNAL_SET_BYTES);
  if (result != 0) {
    fail(EXIT_UNABLE, "rt_sigaction: errno %ld\n", -result);
  }
}

#endif
