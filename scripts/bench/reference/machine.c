#define _GNU_SOURCE
#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "unicorn.h"

static const int general_ids[GENERAL_REGISTERS] = {35,  38,  40,  37,  44,  36,  43,  39,
                                                   106, 107, 108, 109, 110, 111, 112, 113};

enum { REGIONS_MAX = 64, CLASS_ENTRIES = 1024, LOG_RECORDS = 65536, DIRTY_MAX = 1024 };
enum { PAGE_CACHE = 64, CLASS_PLAIN = 1, CLASS_BOUNDARY = 2 };

struct class_entry {
  uint64_t page;
  uint8_t *map;
};

struct cpu {
  uc_engine *uc;
  uc_context *saved;
  uc_context *scratch;
  uint64_t saved_ip;
  uint64_t ip;
  uint64_t last;
  uint64_t previous;
  int32_t remaining;
  bool has_left_plain_code;
};

struct page {
  uint64_t address;
  uint8_t *host;
  uint8_t *image;
  bool is_dirty;
};

struct region {
  uint64_t address;
  uint64_t length;
  uint8_t *host;
  uint8_t *image;
  struct page *pages;
};

static struct cpu cpus[CPUS];
static struct region regions[REGIONS_MAX];
static int region_count;
static struct page *page_cache[PAGE_CACHE];
static struct class_entry classes[CLASS_ENTRIES];
static struct record records[LOG_RECORDS];
static uint32_t record_count;
static struct page *dirty_pages[DIRTY_MAX];
static int dirty_count;
static bool is_by_count;

static void check(int error, const char *what) {
  if (error != 0) {
    fail("%s: error %d", what, error);
  }
}

static void append(struct record record) {
  if (record_count == LOG_RECORDS) {
    record_count = 0;
  }
  records[record_count++] = record;
}

/*
 * What code_thunk of the testbed does: count, look the class up, log a boundary, keep the last two
 * addresses.
 */
static void on_code(uc_engine *uc, uint64_t address, uint32_t size, void *data) {
  (void)size;
  struct cpu *cpu = data;
  if (--cpu->remaining < 0) {
    cpu->ip = address;
    uc_emu_stop(uc);
    return;
  }
  const struct class_entry *entry = &classes[(address / PAGE) % CLASS_ENTRIES];
  uint8_t class = entry->page == address / PAGE ? entry->map[address % PAGE] : 0;
  if (class != CLASS_PLAIN) {
    if ((class & CLASS_PLAIN) == 0) {
      cpu->has_left_plain_code = true;
      uc_emu_stop(uc);
      return;
    }
    append((struct record){address, cpu->last, 0, RECORD_BOUNDARY, address});
  }
  cpu->previous = cpu->last;
  cpu->last = address;
}

/* What memory_thunk of the testbed does with a store: append a record. */
static void on_write(uc_engine *uc, int type, uint64_t address, int size, int64_t value,
                     void *data) {
  (void)uc;
  const struct cpu *cpu = data;
  append((struct record){address, (uint64_t)value, (uint32_t)size, (uint32_t)type, cpu->last});
}

static void open_cpu(struct cpu *cpu, bool log) {
  size_t hook;
  check(uc_open(UC_ARCH_X86, UC_MODE_64, &cpu->uc), "uc_open");
  check(uc_ctl(cpu->uc, UC_CTL_USE_EXITS, 1), "uc_ctl");
  if (!is_by_count) {
    check(uc_hook_add(cpu->uc, &hook, UC_HOOK_CODE, on_code, cpu, 1, 0), "uc_hook_add");
  }
  if (log) {
    check(uc_hook_add(cpu->uc, &hook, UC_HOOK_MEM_WRITE, on_write, cpu, 1, 0), "uc_hook_add");
  }
  check(uc_context_alloc(cpu->uc, &cpu->saved), "uc_context_alloc");
  check(uc_context_alloc(cpu->uc, &cpu->scratch), "uc_context_alloc");
}

static void close_cpu(struct cpu *cpu) {
  if (cpu->uc != NULL) {
    uc_context_free(cpu->saved);
    uc_context_free(cpu->scratch);
    uc_close(cpu->uc);
  }
  *cpu = (struct cpu){0};
}

void machine_reset(bool by_count, bool log) {
  is_by_count = by_count;
  for (int i = 0; i < CPUS; i++) {
    close_cpu(&cpus[i]);
    open_cpu(&cpus[i], log);
  }
  for (int i = 0; i < region_count; i++) {
    munmap(regions[i].host, regions[i].length);
    munmap(regions[i].image, regions[i].length);
    free(regions[i].pages);
  }
  for (int i = 0; i < CLASS_ENTRIES; i++) {
    free(classes[i].map);
    classes[i] = (struct class_entry){UINT64_MAX, NULL};
  }
  memset(page_cache, 0, sizeof page_cache);
  region_count = 0;
  record_count = 0;
  dirty_count = 0;
}

static uint8_t *reserve(uint64_t length) {
  void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    fail("no memory");
  }
  return memory;
}

static void *allocate(uint64_t size) {
  void *memory = malloc(size);
  if (memory == NULL) {
    fail("no memory");
  }
  return memory;
}

void machine_map(uint64_t address, uint64_t length, uint32_t protection) {
  if (region_count == REGIONS_MAX) {
    fail("too many regions");
  }
  struct region *region = &regions[region_count++];
  *region = (struct region){address, length, reserve(length), reserve(length), NULL};
  region->pages = allocate(length / PAGE * sizeof *region->pages);
  for (uint64_t at = 0; at < length; at += PAGE) {
    region->pages[at / PAGE] =
        (struct page){address + at, region->host + at, region->image + at, false};
  }
  for (int i = 0; i < CPUS; i++) {
    check(uc_mem_map_ptr(cpus[i].uc, address, length, protection, region->host), "uc_mem_map_ptr");
  }
}

void machine_pad(void) {
  for (int i = 0; i < CPUS; i++) {
    check(uc_mem_map(cpus[i].uc, 0xfffff00000000000, 4 << 20, 0), "uc_mem_map");
  }
}

void machine_add_code(uint64_t address) {
  uint64_t page = address / PAGE;
  struct class_entry *entry = &classes[page % CLASS_ENTRIES];
  if (entry->map != NULL) {
    fail("two pages of code at one place of the class table");
  }
  *entry = (struct class_entry){page, allocate(PAGE)};
  memset(entry->map, CLASS_PLAIN, PAGE);
}

void machine_mark_boundary(uint64_t address) {
  const struct class_entry *entry = &classes[address / PAGE % CLASS_ENTRIES];
  if (entry->page != address / PAGE) {
    fail("0x%lx is not in a page of code", address);
  }
  entry->map[address % PAGE] |= CLASS_BOUNDARY;
}

static struct region *region_of(uint64_t address) {
  for (int i = 0; i < region_count; i++) {
    if (address - regions[i].address < regions[i].length) {
      return &regions[i];
    }
  }
  fail("0x%lx is not mapped", address);
}

static struct page *page_of(uint64_t address) {
  struct page **slot = &page_cache[address / PAGE % PAGE_CACHE];
  if (*slot == NULL || (*slot)->address != address / PAGE * PAGE) {
    const struct region *region = region_of(address);
    *slot = &region->pages[(address - region->address) / PAGE];
  }
  return *slot;
}

void *machine_host_of(uint64_t address) {
  return page_of(address)->host + address % PAGE;
}

void machine_set_cpu(unsigned index, const struct registers *registers) {
  struct cpu *cpu = &cpus[index % CPUS];
  for (int i = 0; i < GENERAL_REGISTERS; i++) {
    check(uc_reg_write(cpu->uc, general_ids[i], &registers->general[i]), "uc_reg_write");
  }
  check(uc_reg_write(cpu->uc, UC_X86_REG_RFLAGS, &registers->rflags), "uc_reg_write");
  check(uc_reg_write(cpu->uc, UC_X86_REG_FS_BASE, &registers->fs_base), "uc_reg_write");
  cpu->ip = registers->rip;
}

void machine_save(void) {
  for (int i = 0; i < region_count; i++) {
    memcpy(regions[i].image, regions[i].host, regions[i].length);
  }
  for (int i = 0; i < CPUS; i++) {
    uc_context_save(cpus[i].uc, cpus[i].saved);
    cpus[i].saved_ip = cpus[i].ip;
  }
}

uint64_t machine_ip(unsigned index) {
  return cpus[index % CPUS].ip;
}

void machine_set_ip(unsigned index, uint64_t ip) {
  cpus[index % CPUS].ip = ip;
}

uint64_t machine_last_ip(unsigned index) {
  return cpus[index % CPUS].last;
}

void machine_run(unsigned index, uint32_t instructions) {
  struct cpu *cpu = &cpus[index % CPUS];
  if (is_by_count) {
    check(uc_emu_start(cpu->uc, cpu->ip, 0, 0, instructions), "uc_emu_start");
    uc_reg_read(cpu->uc, UC_X86_REG_RIP, &cpu->ip);
    return;
  }
  cpu->remaining = (int32_t)instructions;
  int error = uc_emu_start(cpu->uc, cpu->ip, 0, 0, 0);
  if (error != 0 || cpu->has_left_plain_code) {
    fail("stopped after 0x%lx, error %d", cpu->last, error);
  }
}

const struct record *machine_take_log(uint32_t *count) {
  *count = record_count;
  record_count = 0;
  return records;
}

void machine_mark_dirty(uint64_t address) {
  struct page *page = page_of(address);
  if (page->is_dirty) {
    return;
  }
  if (dirty_count == DIRTY_MAX) {
    fail("too many dirty pages");
  }
  page->is_dirty = true;
  dirty_pages[dirty_count++] = page;
}

void machine_restore_dirty(void) {
  for (int i = 0; i < dirty_count; i++) {
    memcpy(dirty_pages[i]->host, dirty_pages[i]->image, PAGE);
    dirty_pages[i]->is_dirty = false;
  }
  dirty_count = 0;
  machine_restore_cpus();
}

void machine_restore_cpus(void) {
  for (int i = 0; i < CPUS; i++) {
    uc_context_restore(cpus[i].uc, cpus[i].saved);
    cpus[i].ip = cpus[i].saved_ip;
  }
}

void machine_save_cpus_again(void) {
  for (int i = 0; i < CPUS; i++) {
    uc_context_save(cpus[i].uc, cpus[i].scratch);
  }
}

void machine_restore_pages(uint64_t count) {
  const struct region *region = &regions[region_count - 1];
  memcpy(region->host, region->image, count * PAGE);
}

void machine_copy_pages(uint64_t count, uint8_t *copy) {
  memcpy(copy, regions[region_count - 1].host, count * PAGE);
}
