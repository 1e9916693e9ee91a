/*
 * The command line every guest shares: NAME [TASKS] [COUNT].
 */
#ifndef GUEST_ARGUMENTS_H
#define GUEST_ARGUMENTS_H

#include <stdint.h>

enum argument_limit {
  TASKS_MAX = 64,
  COUNT_MAX = 100000000,
};

struct arguments {
  uint32_t tasks;
  uint32_t count;
};

/*
 * Reads TASKS (1 to TASKS_MAX) and COUNT (1 to COUNT_MAX), either left out for its default.
 * Anything else ends the process with EXIT_USAGE and one line that shows the right form.
 */
struct arguments parse_arguments(int argc, char **argv, const char *name,
                                 struct arguments defaults);

#endif
