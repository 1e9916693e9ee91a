#define _GNU_SOURCE
#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "unicorn.h"

static const int general_ids[GENERAL_REGISTERS] = {35,  38,  40,  37,  44,  36,  43,  39,
                                                   106, 107, 108, 109, 110, 111, 112, 113};

enum { REGIONS_MAX = 64, CLASS_ENTRIES = 1024, LOG_RECORDS = 65536, DIRTY_MAX = 1024 };
enum { CLASS_UNKNOWN = 0, CLASS_PLAIN = 1 };
enum { SCHEDULE_SLICE_INSTRUCTIONS = 5, RSEQ_SIGNATURE = 0x53053053 };

struct class_entry {
  uint64_t page;
  const uint8_t *map;
};

struct record {
  uint64_t address;
  uint64_t value;
  uint32_t size;
  uint32_t type;
  uint64_t instruction;
};

struct cpu {
  uc_engine *uc;
  uc_context *saved;
  uc_context *scratch;
  uint64_t saved_ip;
  uint64_t ip;
  uint64_t rseq;
  uint64_t last;
  uint64_t previous;
  int32_t remaining;
  bool has_left_plain_code;
};

struct region {
  uint64_t address;
  uint64_t length;
  uint8_t *host;
  uint8_t *image;
};

static struct cpu cpus[CPUS];
static struct region regions[REGIONS_MAX];
static int region_count;
static struct class_entry classes[CLASS_ENTRIES];
static uint8_t plain_page[PAGE];
static struct record records[LOG_RECORDS];
static uint32_t record_count;
static uint64_t dirty_pages[DIRTY_MAX];
static int dirty_count;
static bool is_by_count;

static void check(int error, const char *what) {
  if (error != 0) {
    fail("%s: error %d", what, error);
  }
}

/* What code_thunk of the testbed does: count, look the class up, keep the last two addresses. */
static void on_code(uc_engine *uc, uint64_t address, uint32_t size, void *data) {
  (void)size;
  struct cpu *cpu = data;
  if (--cpu->remaining < 0) {
    cpu->ip = address;
    uc_emu_stop(uc);
    return;
  }
  const struct class_entry *entry = &classes[(address / PAGE) % CLASS_ENTRIES];
  if (entry->page != address / PAGE || entry->map[address % PAGE] != CLASS_PLAIN) {
    cpu->has_left_plain_code = true;
    uc_emu_stop(uc);
    return;
  }
  cpu->previous = cpu->last;
  cpu->last = address;
}

/* What memory_thunk of the testbed does with a store: append a record. */
static void on_write(uc_engine *uc, int type, uint64_t address, int size, int64_t value,
                     void *data) {
  (void)uc;
  const struct cpu *cpu = data;
  if (record_count == LOG_RECORDS) {
    record_count = 0;
  }
  records[record_count++] =
      (struct record){address, (uint64_t)value, (uint32_t)size, (uint32_t)type, cpu->last};
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
  }
  region_count = 0;
  record_count = 0;
  dirty_count = 0;
  memset(classes, 0xff, sizeof classes);
  memset(plain_page, CLASS_PLAIN, sizeof plain_page);
}

static uint8_t *reserve(uint64_t length) {
  void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    fail("no memory");
  }
  return memory;
}

void machine_map(uint64_t address, uint64_t length, uint32_t protection) {
  if (region_count == REGIONS_MAX) {
    fail("too many regions");
  }
  struct region *region = &regions[region_count++];
  *region = (struct region){address, length, reserve(length), reserve(length)};
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
  classes[page % CLASS_ENTRIES] = (struct class_entry){page, plain_page};
}

static struct region *region_of(uint64_t address) {
  for (int i = 0; i < region_count; i++) {
    if (address - regions[i].address < regions[i].length) {
      return &regions[i];
    }
  }
  fail("0x%lx is not mapped", address);
}

void *machine_host_of(uint64_t address) {
  struct region *region = region_of(address);
  return region->host + (address - region->address);
}

void machine_set_cpu(unsigned index, const struct registers *registers, uint64_t rseq) {
  struct cpu *cpu = &cpus[index % CPUS];
  for (int i = 0; i < GENERAL_REGISTERS; i++) {
    check(uc_reg_write(cpu->uc, general_ids[i], &registers->general[i]), "uc_reg_write");
  }
  check(uc_reg_write(cpu->uc, UC_X86_REG_RFLAGS, &registers->rflags), "uc_reg_write");
  check(uc_reg_write(cpu->uc, UC_X86_REG_FS_BASE, &registers->fs_base), "uc_reg_write");
  cpu->ip = registers->rip;
  cpu->rseq = rseq;
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

uint64_t machine_rip(unsigned index) {
  return cpus[index % CPUS].ip;
}

/* Runs exactly `instructions` from where the CPU is. */
static void run_slice(struct cpu *cpu, int32_t instructions) {
  if (is_by_count) {
    check(uc_emu_start(cpu->uc, cpu->ip, 0, 0, (size_t)instructions), "uc_emu_start");
    uc_reg_read(cpu->uc, UC_X86_REG_RIP, &cpu->ip);
    return;
  }
  cpu->remaining = instructions;
  int error = uc_emu_start(cpu->uc, cpu->ip, 0, 0, 0);
  if (error != 0 || cpu->has_left_plain_code) {
    fail("stopped after 0x%lx, error %d", cpu->last, error);
  }
}

static void restore_cpus(void) {
  for (int i = 0; i < CPUS; i++) {
    uc_context_restore(cpus[i].uc, cpus[i].saved);
    cpus[i].ip = cpus[i].saved_ip;
  }
}

static void mark_dirty(uint64_t address) {
  uint64_t page = address / PAGE;
  for (int i = 0; i < dirty_count; i++) {
    if (dirty_pages[i] == page) {
      return;
    }
  }
  if (dirty_count == DIRTY_MAX) {
    fail("too many dirty pages");
  }
  dirty_pages[dirty_count++] = page;
}

static void restore_dirty(void) {
  for (int i = 0; i < dirty_count; i++) {
    struct region *region = region_of(dirty_pages[i] * PAGE);
    uint64_t offset = dirty_pages[i] * PAGE - region->address;
    memcpy(region->host + offset, region->image + offset, PAGE);
  }
  dirty_count = 0;
  restore_cpus();
}

struct rseq_area {
  uint32_t cpu_id_start;
  uint32_t cpu_id;
  uint64_t rseq_cs;
  uint32_t flags;
  uint32_t node_id;
  uint32_t mm_cid;
};

struct rseq_cs {
  uint32_t version;
  uint32_t flags;
  uint64_t start_ip;
  uint64_t post_commit_offset;
  uint64_t abort_ip;
};

/* The return to user mode of a preempted thread: rseq_ip_fixup, then rseq_update_cpu_node_id. */
static void fix_up(struct cpu *cpu) {
  struct rseq_area *area = machine_host_of(cpu->rseq);
  if (area->rseq_cs != 0) {
    const struct rseq_cs *section = machine_host_of(area->rseq_cs);
    uint32_t signature;
    memcpy(&signature, machine_host_of(section->abort_ip - sizeof signature), sizeof signature);
    if (section->version != 0 || section->flags != 0 || area->flags != 0 ||
        signature != RSEQ_SIGNATURE) {
      fail("a bad descriptor at 0x%lx", area->rseq_cs);
    }
    if (cpu->ip - section->start_ip < section->post_commit_offset) {
      cpu->ip = section->abort_ip;
    }
  }
  area->rseq_cs = 0;
  area->cpu_id_start = 0;
  area->cpu_id = 0;
  area->node_id = 0;
  area->mm_cid = 0;
  mark_dirty(cpu->rseq);
}

void run_plain(uint64_t iterations, uint64_t argument) {
  for (uint64_t i = 0; i < iterations; i++) {
    run_slice(&cpus[0], (int32_t)argument);
  }
}

void run_slices(uint64_t iterations, uint64_t argument) {
  restore_cpus();
  for (uint64_t i = 0; i < iterations; i++) {
    run_slice(&cpus[i % CPUS], (int32_t)argument);
  }
}

void run_restores(uint64_t iterations, uint64_t argument) {
  const struct region *region = &regions[region_count - 1];
  for (uint64_t i = 0; i < iterations; i++) {
    memcpy(region->host, region->image, argument * PAGE);
    restore_cpus();
  }
}

void run_snapshots(uint64_t iterations, uint64_t argument) {
  const struct region *region = &regions[region_count - 1];
  uint8_t *kept = NULL;
  for (uint64_t i = 0; i < iterations; i++) {
    uint8_t *copy = malloc(argument * PAGE);
    if (copy == NULL) {
      fail("no memory");
    }
    memcpy(copy, region->host, argument * PAGE);
    free(kept);
    kept = copy;
    for (int c = 0; c < CPUS; c++) {
      uc_context_save(cpus[c].uc, cpus[c].scratch);
    }
  }
  free(kept);
}

void run_schedules(uint64_t iterations, uint64_t argument) {
  for (uint64_t i = 0; i < iterations; i++) {
    restore_dirty();
    for (uint64_t slice = 0; slice < argument; slice++) {
      struct cpu *cpu = &cpus[slice % CPUS];
      fix_up(cpu);
      run_slice(cpu, SCHEDULE_SLICE_INSTRUCTIONS);
      for (uint32_t r = 0; r < record_count; r++) {
        mark_dirty(records[r].address);
      }
      record_count = 0;
    }
  }
}
