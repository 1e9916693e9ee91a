/*
 * Runs a script of system calls on this kernel, for comparison with the kernel model. Standard input
 * has a step a line, with numbers as strtoull takes them, `$` being the result of the last call:
 *   poke ADDRESS VALUE       stores 64 bits
 *   peek ADDRESS             prints 64 bits
 *   call NUMBER A B C D E F  prints the result, an errno as a negative number
 *   try NUMBER A B C D E F   the same; its results other than errnos may differ from the model's
 * Memory is that of the model's tests; descriptor 0 reads what 1 and 2 write.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  PAGE_BYTES = 4096,
  SCRIPT_BYTES = 4 << 20,
  PIPE_BYTES = 65536,
  RESULTS_FD = 10,
  GUEST_USER = 1000,
  WORDS = 7,
  STATUS_UNABLE = 3,
};

static const uintptr_t read_write = 0x10000000;

static _Noreturn void give_up(const char *what) {
  perror(what);
  exit(STATUS_UNABLE);
}

static long system_call(const uint64_t word[WORDS]) {
  register uint64_t r10 __asm__("r10") = word[4];
  register uint64_t r8 __asm__("r8") = word[5];
  register uint64_t r9 __asm__("r9") = word[6];
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(word[0]), "D"(word[1]), "S"(word[2]), "d"(word[3]), "r"(r10), "r"(r8),
                     "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static void map_memory(void) {
  char *base = mmap((void *)read_write, 3 * PAGE_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (base != (char *)read_write || mprotect(base + PAGE_BYTES, PAGE_BYTES, PROT_READ) != 0 ||
      mprotect(base + 2 * PAGE_BYTES, PAGE_BYTES, PROT_NONE) != 0) {
    give_up("mmap");
  }
}

/* Results must not meet what the script writes. */
static void set_descriptors(void) {
  int ends[2];
  if (dup2(1, RESULTS_FD) < 0 || pipe(ends) != 0 || dup2(ends[0], 0) < 0 || dup2(ends[1], 1) < 0 ||
      dup2(ends[1], 2) < 0 || fcntl(0, F_SETFL, O_NONBLOCK) != 0) {
    give_up("descriptors");
  }
  close(ends[0]);
  close(ends[1]);
}

/* The pipe is always empty when a call begins, so that none blocks. */
static void drain_pipe(void) {
  static char bytes[PIPE_BYTES];
  while (read(0, bytes, sizeof bytes) > 0) {
  }
}

static void step(char *line, FILE *results, uint64_t *last) {
  char *rest = NULL;
  const char *verb = strtok_r(line, " ", &rest);
  uint64_t word[WORDS] = {0};
  for (int i = 0; i < WORDS; i++) {
    const char *text = strtok_r(NULL, " ", &rest);
    if (text != NULL) {
      word[i] = strcmp(text, "$") == 0 ? *last : strtoull(text, NULL, 0);
    }
  }
  if (strcmp(verb, "poke") == 0) {
    *(volatile uint64_t *)word[0] = word[1];
  } else if (strcmp(verb, "peek") == 0) {
    fprintf(results, "%ld\n", (long)*(volatile uint64_t *)word[0]);
  } else {
    *last = (uint64_t)system_call(word);
    fprintf(results, "%ld\n", (long)*last);
    drain_pipe();
  }
}

int main(void) {
  static char script[SCRIPT_BYTES];
  script[fread(script, 1, sizeof script - 1, stdin)] = '\0';
  map_memory();
  set_descriptors();
  /* The model's user is an ordinary one. */
  if (geteuid() == 0 && (setresgid(GUEST_USER, GUEST_USER, GUEST_USER) != 0 ||
                         setresuid(GUEST_USER, GUEST_USER, GUEST_USER) != 0)) {
    give_up("setresuid");
  }
  FILE *results = fdopen(RESULTS_FD, "w");
  uint64_t last = 0;
  char *rest = NULL;
  for (char *line = strtok_r(script, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    step(line, results, &last);
  }
  return fclose(results) == 0 ? 0 : STATUS_UNABLE;
}
