/*
 * Lines of text on standard output and standard error, and the exits that go with them.
 */
#ifndef GUEST_OUTPUT_H
#define GUEST_OUTPUT_H

enum standard_stream { STDOUT = 1, STDERR = 2 };

/* What a guest's exit status says. */
enum exit_status {
  EXIT_OK = 0,
  /* A check of the guest's own invariant failed: an update was lost, doubled or torn. */
  EXIT_CHECK_FAILED = 1,
  EXIT_USAGE = 2,
  /* This machine cannot run the guest at all, for example because its kernel lacks rseq. */
  EXIT_UNABLE = 3,
};

/*
 * Formats one line (at most 255 bytes, the rest is cut) and writes it with a single system call, so
 * that lines of several threads do not mix. Knows %s, %u, %lu, %ld and %%.
 */
__attribute__((format(printf, 2, 3))) void print(int stream, const char *format, ...);

/* Ends the whole process, all threads included. */
_Noreturn void exit_process(int status);

/* Prints to standard error and ends the process with `status`. */
__attribute__((format(printf, 2, 3))) _Noreturn void fail(int status, const char *format, ...);

#endif
