/*
 * What the key scheme of April 2016 leaves for debuggers. Built with -DRSEQ_KEYS a program has tuples
 * {type, address, key} of three 64-bit words in the section __rseq_keys, which is not loaded.
 */
#ifndef GUEST_ABI_KEY_TUPLE_H
#define GUEST_ABI_KEY_TUPLE_H

#include "scheme.h"

#define RSEQ_KEY_START 1
#define RSEQ_KEY_FINISH 2
#define RSEQ_KEY_ABORT 3

#ifdef RSEQ_KEYS
#define RSEQ_KEY_TUPLE(type, address)                                                              \
  ".pushsection __rseq_keys, \"\", @progbits\n\t"                                                  \
  ".quad " SCHEME_TEXT(type) ", " address ", %c[key]\n\t"                                          \
  ".popsection\n\t"
#else
#define RSEQ_KEY_TUPLE(type, address) ""
#endif

/* One for each critical section of a program; only its address means something. */
#define RSEQ_KEY(name) static const char name __attribute__((used, retain))

#endif
