/*
 * The C side of `bench`: what a C program needs for the same work on the same libunicorn. It is
 * started once with the library's path and told, line by line, what guest to set up and which loop
 * to time, so that both sides can take turns. Each reply is one line: "ok ..." or "error ...".
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel.h"
#include "loops.h"
#include "machine.h"
#include "unicorn.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SEPARATORS " \n"

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("error ", stdout);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  fflush(stdout);
  exit(1);
}

static uint64_t next_number(void) {
  const char *word = strtok(NULL, SEPARATORS);
  if (word == NULL) {
    fail("a number is missing");
  }
  return strtoull(word, NULL, 0);
}

/* reset BY_COUNT LOG */
static void command_reset(void) {
  uint64_t by_count = next_number();
  uint64_t log = next_number();
  machine_reset(by_count != 0, log != 0);
}

/* map ADDRESS LENGTH PROTECTION */
static void command_map(void) {
  uint64_t address = next_number();
  uint64_t length = next_number();
  machine_map(address, length, (uint32_t)next_number());
}

/* code ADDRESS */
static void command_code(void) {
  machine_add_code(next_number());
}

/* write ADDRESS HEXADECIMAL, within one mapping */
static void command_write(void) {
  uint8_t *at = machine_host_of(next_number());
  const char *text = strtok(NULL, SEPARATORS);
  unsigned byte;
  for (; text != NULL && sscanf(text, "%2x", &byte) == 1; text += 2) {
    *at++ = (uint8_t)byte;
  }
}

/* boundary ADDRESS */
static void command_boundary(void) {
  machine_mark_boundary(next_number());
}

/* thread INDEX RSEQ EVENTS IN_FLIGHT */
static void command_thread(void) {
  unsigned index = (unsigned)next_number();
  uint64_t rseq = next_number();
  uint64_t events = next_number();
  kernel_set_thread(index, rseq, (uint32_t)events, next_number());
}

/* current INDEX */
static void command_current(void) {
  kernel_set_current((unsigned)next_number());
}

/* cpu INDEX GENERAL... RIP RFLAGS FS_BASE */
static void command_cpu(void) {
  unsigned index = (unsigned)next_number();
  struct registers registers;
  for (int i = 0; i < GENERAL_REGISTERS; i++) {
    registers.general[i] = next_number();
  }
  registers.rip = next_number();
  registers.rflags = next_number();
  registers.fs_base = next_number();
  machine_set_cpu(index, &registers);
}

/* hash ADDRESS LENGTH, page by page: replies with FNV-1a of the bytes */
static void command_hash(void) {
  uint64_t address = next_number();
  uint64_t end = address + next_number();
  uint32_t hash = 0x811c9dc5;
  for (; address < end; address += PAGE) {
    const uint8_t *bytes = machine_host_of(address);
    for (int i = 0; i < PAGE; i++) {
      hash = (hash ^ bytes[i]) * 0x01000193;
    }
  }
  printf("ok %u\n", hash);
}

/* counts: replies with what the kernel counted since what was saved */
static void command_counts(void) {
  const struct counts *counts = kernel_counts();
  printf("ok %lu %lu %lu %lu %lu\n", counts->instructions, counts->preemptions, counts->entered,
         counts->committed, counts->aborted);
}

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static const struct {
  const char *name;
  timed_loop *run;
} loops[] = {
    {"plain", run_plain},       {"slices", run_slices},       {"switches", run_switches},
    {"restores", run_restores}, {"snapshots", run_snapshots}, {"schedules", run_schedules},
};

/* run LOOP ITERATIONS ARGUMENT: replies with nanoseconds and where the CPUs are. */
static void command_run(void) {
  const char *name = strtok(NULL, SEPARATORS);
  uint64_t iterations = next_number();
  uint64_t argument = next_number();
  for (size_t i = 0; i < COUNT(loops); i++) {
    if (name == NULL || strcmp(loops[i].name, name) != 0) {
      continue;
    }
    uint64_t start = now_ns();
    loops[i].run(iterations, argument);
    printf("ok %lu %lu %lu\n", now_ns() - start, machine_ip(0), machine_ip(1));
    return;
  }
  fail("no such loop");
}

/* Commands that set something up: the reply is "ok". */
static const struct {
  const char *name;
  void (*execute)(void);
} settings[] = {
    {"reset", command_reset},   {"map", command_map},           {"pad", machine_pad},
    {"code", command_code},     {"boundary", command_boundary}, {"write", command_write},
    {"cpu", command_cpu},       {"thread", command_thread},     {"current", command_current},
    {"save", kernel_save},
};

/* Commands that reply with more. */
static const struct {
  const char *name;
  void (*execute)(void);
} questions[] = {
    {"run", command_run},
    {"hash", command_hash},
    {"counts", command_counts},
};

static void execute(const char *name) {
  for (size_t i = 0; i < COUNT(questions); i++) {
    if (strcmp(questions[i].name, name) == 0) {
      questions[i].execute();
      return;
    }
  }
  for (size_t i = 0; i < COUNT(settings); i++) {
    if (strcmp(settings[i].name, name) == 0) {
      settings[i].execute();
      puts("ok");
      return;
    }
  }
  fail("no such command: %s", name);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fail("usage: %s LIBRARY", argv[0]);
  }
  const char *problem = bind_unicorn(argv[1]);
  if (problem != NULL) {
    fail("%s", problem);
  }
  char *line = NULL;
  size_t capacity = 0;
  while (getline(&line, &capacity, stdin) > 0) {
    const char *name = strtok(line, SEPARATORS);
    if (name != NULL) {
      execute(name);
      fflush(stdout);
    }
  }
  free(line);
  return 0;
}
