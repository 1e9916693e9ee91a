/*
 * A mark over cpu_id_start, as tcmalloc keeps a pointer there: it lasts until the kernel writes the
 * CPU's number again.
 */
#ifndef GUEST_MARKED_H
#define GUEST_MARKED_H

#include "bug.h"

/* No CPU has this number. */
#define MARK "$0x7fffffff"

#define SET_MARK "movl " MARK ", " FS_CPU_ID_START "\n"

/* The CPU's number where cpu_id_start may hold the mark. */
static inline uint32_t here_by_id(void) { return slot_number((uint32_t)rseq_cpu_id()); }

#endif
