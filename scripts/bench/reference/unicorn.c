#include "unicorn.h"

#include <dlfcn.h>

int (*uc_open)(int, int, uc_engine **);
int (*uc_close)(uc_engine *);
int (*uc_ctl)(uc_engine *, int, ...);
int (*uc_mem_map)(uc_engine *, uint64_t, size_t, uint32_t);
int (*uc_mem_map_ptr)(uc_engine *, uint64_t, size_t, uint32_t, void *);
int (*uc_hook_add)(uc_engine *, size_t *, int, void *, void *, uint64_t, uint64_t, ...);
int (*uc_emu_start)(uc_engine *, uint64_t, uint64_t, uint64_t, size_t);
int (*uc_emu_stop)(uc_engine *);
int (*uc_reg_read)(uc_engine *, int, void *);
int (*uc_reg_write)(uc_engine *, int, const void *);
int (*uc_context_alloc)(uc_engine *, uc_context **);
int (*uc_context_free)(uc_context *);
int (*uc_context_save)(uc_engine *, uc_context *);
int (*uc_context_restore)(uc_engine *, uc_context *);

#define SYMBOL(name) {#name, (void **)&name}

static const struct {
  const char *name;
  void **pointer;
} symbols[] = {
    SYMBOL(uc_open),          SYMBOL(uc_close),        SYMBOL(uc_ctl),
    SYMBOL(uc_mem_map),       SYMBOL(uc_mem_map_ptr),  SYMBOL(uc_hook_add),
    SYMBOL(uc_emu_start),     SYMBOL(uc_emu_stop),     SYMBOL(uc_reg_read),
    SYMBOL(uc_reg_write),     SYMBOL(uc_context_alloc), SYMBOL(uc_context_free),
    SYMBOL(uc_context_save),  SYMBOL(uc_context_restore),
};

const char *bind_unicorn(const char *path) {
  void *library = dlopen(path, RTLD_NOW);
  if (library == NULL) {
    return dlerror();
  }
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    *symbols[i].pointer = dlsym(library, symbols[i].name);
    if (*symbols[i].pointer == NULL) {
      return dlerror();
    }
  }
  return NULL;
}
