#include "arguments.h"

#include <stdbool.h>

#include "output.h"

/* Decimal digits only, from 1 to `maximum`. */
static bool parse_number(const char *text, uint32_t maximum, uint32_t *number) {
  uint64_t value = 0;
  if (*text == '\0') {
    return false;
  }
  for (const char *at = text; *at != '\0'; at++) {
    if (*at < '0' || *at > '9') {
      return false;
    }
    value = value * 10 + (uint64_t)(*at - '0');
    if (value > maximum) {
      return false;
    }
  }
  *number = (uint32_t)value;
  return value >= 1;
}

struct arguments parse_arguments(int argc, char **argv, const char *name,
                                 struct arguments defaults) {
  struct arguments parsed = defaults;
  bool valid = argc <= 3;
  if (valid && argc > 1) {
    valid = parse_number(argv[1], TASKS_MAX, &parsed.tasks);
  }
  if (valid && argc > 2) {
    valid = parse_number(argv[2], COUNT_MAX, &parsed.count);
  }
  if (!valid) {
    fail(EXIT_USAGE, "usage: %s [TASKS 1..%u, default %u] [COUNT 1..%u, default %u]\n", name,
         TASKS_MAX, defaults.tasks, COUNT_MAX, defaults.count);
  }
  return parsed;
}
