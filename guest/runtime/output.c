#include "output.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "syscall.h"

enum { LINE_BYTES_MAX = 255, DIGITS_MAX = 20 };

struct line {
  size_t length;
  char text[LINE_BYTES_MAX];
};

static void put_character(struct line *line, char character) {
  if (line->length < LINE_BYTES_MAX) {
    line->text[line->length++] = character;
  }
}

static void put_text(struct line *line, const char *text) {
  while (*text != '\0') {
    put_character(line, *text++);
  }
}

static void put_number(struct line *line, uint64_t number) {
  char digits[DIGITS_MAX];
  size_t count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count > 0) {
    put_character(line, digits[--count]);
  }
}

static void put_signed(struct line *line, int64_t number) {
  if (number < 0) {
    put_character(line, '-');
    put_number(line, -(uint64_t)number);
  } else {
    put_number(line, (uint64_t)number);
  }
}

static void put_formatted(struct line *line, const char *format, va_list *values) {
  for (const char *at = format; *at != '\0'; at++) {
    if (*at != '%') {
      put_character(line, *at);
      continue;
    }
    at++;
    if (*at == 's') {
      put_text(line, va_arg(*values, const char *));
    } else if (*at == 'u') {
      put_number(line, va_arg(*values, unsigned int));
    } else if (*at == 'l' && at[1] == 'u') {
      at++;
      put_number(line, va_arg(*values, unsigned long));
    } else if (*at == 'l' && at[1] == 'd') {
      at++;
      put_signed(line, va_arg(*values, long));
    } else if (*at == '%') {
      put_character(line, '%');
    } else {
      __builtin_trap();
    }
  }
}

static void send(int stream, const struct line *line) {
  size_t sent = 0;
  while (sent < line->length) {
    const char *rest = line->text + sent;
    long result = syscall3(SYS_WRITE, stream, (long)rest, (long)(line->length - sent));
    if (result <= 0) {
      return;
    }
    sent += (size_t)result;
  }
}

void print(int stream, const char *format, ...) {
  struct line line;
  line.length = 0;
  va_list values;
  va_start(values, format);
  put_formatted(&line, format, &values);
  va_end(values);
  send(stream, &line);
}

_Noreturn void exit_process(int status) {
  for (;;) {
    syscall1(SYS_EXIT_GROUP, status);
  }
}

_Noreturn void fail(int status, const char *format, ...) {
  struct line line;
  line.length = 0;
  va_list values;
  va_start(values, format);
  put_formatted(&line, format, &values);
  va_end(values);
  send(STDERR, &line);
  exit_process(status);
}
