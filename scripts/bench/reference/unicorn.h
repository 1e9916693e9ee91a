/*
 * What we use of libunicorn, bound at run time: the very file that the testbed loads, and no headers.
 * The prototypes and constants are those of unicorn/unicorn.h and unicorn/x86.h.
 */
#ifndef BENCH_UNICORN_H
#define BENCH_UNICORN_H

#include <stddef.h>
#include <stdint.h>

typedef struct uc_engine uc_engine;
typedef struct uc_context uc_context;

extern int (*uc_open)(int, int, uc_engine **);
extern int (*uc_close)(uc_engine *);
extern int (*uc_ctl)(uc_engine *, int, ...);
extern int (*uc_mem_map)(uc_engine *, uint64_t, size_t, uint32_t);
extern int (*uc_mem_map_ptr)(uc_engine *, uint64_t, size_t, uint32_t, void *);
extern int (*uc_hook_add)(uc_engine *, size_t *, int, void *, void *, uint64_t, uint64_t, ...);
extern int (*uc_emu_start)(uc_engine *, uint64_t, uint64_t, uint64_t, size_t);
extern int (*uc_emu_stop)(uc_engine *);
extern int (*uc_reg_read)(uc_engine *, int, void *);
extern int (*uc_reg_write)(uc_engine *, int, const void *);
extern int (*uc_context_alloc)(uc_engine *, uc_context **);
extern int (*uc_context_free)(uc_context *);
extern int (*uc_context_save)(uc_engine *, uc_context *);
extern int (*uc_context_restore)(uc_engine *, uc_context *);

enum {
  UC_ARCH_X86 = 4,
  UC_MODE_64 = 8,
  /* uc_ctl: write, one argument, "use exits". */
  UC_CTL_USE_EXITS = 4 | 1 << 26 | 1 << 30,
  UC_HOOK_CODE = 1 << 2,
  UC_HOOK_MEM_WRITE = 1 << 11,
  UC_X86_REG_RIP = 41,
  UC_X86_REG_RFLAGS = 25,
  UC_X86_REG_FS_BASE = 250,
};

/* Loads the library; returns what is wrong, or NULL. */
const char *bind_unicorn(const char *path);

#endif
