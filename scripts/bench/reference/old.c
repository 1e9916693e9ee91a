/*
 * The C side of `bench`: what a C program needs for the same work on the same libunicorn. It is
 * started once with the library's path and told, line by line, what guest to set up and which loop
 * to time; so both sides can take turns. Each reply is one line: "ok ..." or "error ...".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef struct uc_engine uc_engine;
typedef struct uc_context uc_context;

static int (*uc_open)(int, int, uc_engine **);
static int (*uc_close)(uc_engine *);
static int (*uc_ctl)(uc_engine *, int, ...);
static int (*uc_mem_map)(uc_engine *, uint64_t, size_t, uint32_t);
static int (*uc_mem_map_ptr)(uc_engine *, uint64_t, size_t, uint32_t, void *);
static int (*uc_hook_add)(uc_engine *, size_t *, int, void *, void *, uint64_t, uint64_t, ...);
static int (*uc_emu_start)(uc_engine *, uint64_t, uint64_t, uint64_t, size_t);
static int (*uc_emu_stop)(uc_engine *);
static int (*uc_reg_read)(uc_engine *, int, void *);
static int (*uc_reg_write)(uc_engine *, int, const void *);
static int (*uc_context_alloc)(uc_engine *, uc_context **);
static int (*uc_context_save)(uc_engine *, uc_context *);
static int (*uc_context_restore)(uc_engine *, uc_context *);

enum {
  ARCH_X86 = 4,
  MODE_64 = 8,
  CTL_USE_EXITS = 4 | 1 << 26 | 1 << 30,
  HOOK_CODE = 1 << 2,
  HOOK_MEM_WRITE = 1 << 11,
  RIP = 41,
  RFLAGS = 25,
  FS_BASE = 250,
};

/* rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15: the order of their encoding. */
static const int general[16] = {35,  38,  40,  37,  44,  36,  43,  39,
                                106, 107, 108, 109, 110, 111, 112, 113};

enum { CPUS = 2, REGIONS_MAX = 64, PAGE = 4096, CLASS_ENTRIES = 1024, PLAIN = 1, LOG_RECORDS = 65536 };

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
  uc_context *context;
  uc_context *taken;
  int32_t remaining;
  uint64_t ip;
  uint64_t saved_ip;
  uint64_t last;
  uint64_t previous;
  uint64_t rseq;
  bool stopped_by_class;
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
/* Exact slices by the library's own counter, not by the hook. */
static bool by_count;

static _Noreturn void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("error ", stdout);
  vprintf(format, arguments);
  putchar('\n');
  fflush(stdout);
  exit(1);
}

static void check(int error, const char *what) {
  if (error != 0) {
    fail("%s: error %d", what, error);
  }
}

/* What code_thunk of the testbed does: count, look the instruction's class up, keep the last two. */
static void on_code(uc_engine *uc, uint64_t address, uint32_t size, void *data) {
  (void)size;
  struct cpu *cpu = data;
  if (--cpu->remaining < 0) {
    cpu->ip = address;
    uc_emu_stop(uc);
    return;
  }
  const struct class_entry *entry = &classes[(address >> 12) % CLASS_ENTRIES];
  if (entry->page != address >> 12 || entry->map[address % PAGE] != PLAIN) {
    cpu->stopped_by_class = true;
    uc_emu_stop(uc);
    return;
  }
  cpu->previous = cpu->last;
  cpu->last = address;
}

/* What memory_thunk of the testbed does with a plain store: append a record. */
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

static struct region *region_of(uint64_t address) {
  for (int i = 0; i < region_count; i++) {
    if (address - regions[i].address < regions[i].length) {
      return &regions[i];
    }
  }
  return NULL;
}

static void *host_of(uint64_t address) {
  struct region *region = region_of(address);
  if (region == NULL) {
    fail("0x%lx is not mapped", address);
  }
  return region->host + (address - region->address);
}

/* Runs exactly `instructions` from where the CPU is. */
static inline void run_slice(struct cpu *cpu, int32_t instructions) {
  if (by_count) {
    check(uc_emu_start(cpu->uc, cpu->ip, 0, 0, (size_t)instructions), "uc_emu_start");
    uc_reg_read(cpu->uc, RIP, &cpu->ip);
    return;
  }
  cpu->remaining = instructions;
  int error = uc_emu_start(cpu->uc, cpu->ip, 0, 0, 0);
  if (error != 0 || cpu->stopped_by_class) {
    fail("stopped at 0x%lx, error %d", cpu->last, error);
  }
}

struct descriptor {
  uint32_t version;
  uint32_t flags;
  uint64_t start;
  uint64_t length;
  uint64_t abort;
};

/* The return to user mode of a preempted task: rseq_ip_fixup, then rseq_update_cpu_node_id. */
static void fix_up(struct cpu *cpu) {
  uint8_t *area = host_of(cpu->rseq);
  uint64_t pointer;
  memcpy(&pointer, area + 8, sizeof pointer);
  if (pointer != 0) {
    struct descriptor descriptor;
    memcpy(&descriptor, host_of(pointer), sizeof descriptor);
    uint32_t signature;
    memcpy(&signature, host_of(descriptor.abort - 4), sizeof signature);
    if (descriptor.version != 0 || signature != 0x53053053) {
      fail("a bad descriptor at 0x%lx", pointer);
    }
    if (cpu->ip - descriptor.start < descriptor.length) {
      cpu->ip = descriptor.abort;
    }
  }
  memset(area + 8, 0, 8);
  memset(area, 0, 8);
  memset(area + 20, 0, 8);
}

static uint64_t dirty_pages[LOG_RECORDS];
static int dirty_count;

static void mark_dirty(uint64_t page) {
  for (int i = 0; i < dirty_count; i++) {
    if (dirty_pages[i] == page) {
      return;
    }
  }
  dirty_pages[dirty_count++] = page;
}

/* Turns the log into the list of pages to put back. */
static void drain_log(void) {
  for (uint32_t i = 0; i < record_count; i++) {
    mark_dirty(records[i].address / PAGE);
  }
  record_count = 0;
}

static void restore_cpus(void) {
  for (int i = 0; i < CPUS; i++) {
    uc_context_restore(cpus[i].uc, cpus[i].context);
    cpus[i].ip = cpus[i].saved_ip;
  }
}

static void restore_dirty(void) {
  for (int i = 0; i < dirty_count; i++) {
    uint64_t address = dirty_pages[i] * PAGE;
    struct region *region = region_of(address);
    uint64_t offset = address - region->address;
    memcpy(region->host + offset, region->image + offset, PAGE);
  }
  dirty_count = 0;
  restore_cpus();
}

enum { SCHEDULE_SLICES = 20, SCHEDULE_INSTRUCTIONS = 5 };

static void run_schedule(void) {
  restore_dirty();
  for (int i = 0; i < SCHEDULE_SLICES; i++) {
    struct cpu *cpu = &cpus[i % CPUS];
    fix_up(cpu);
    mark_dirty(cpu->rseq / PAGE);
    run_slice(cpu, SCHEDULE_INSTRUCTIONS);
    drain_log();
  }
}

/* The loops that can be timed; `argument` is instructions a slice, or pages. */
static void run_slices(uint64_t iterations, uint64_t argument) {
  for (uint64_t i = 0; i < iterations; i++) {
    run_slice(&cpus[i % CPUS], (int32_t)argument);
  }
}

static void run_plain(uint64_t iterations, uint64_t argument) {
  for (uint64_t i = 0; i < iterations; i++) {
    run_slice(&cpus[0], (int32_t)argument);
  }
}

static void run_restore(uint64_t iterations, uint64_t argument) {
  struct region *data = &regions[region_count - 1];
  for (uint64_t i = 0; i < iterations; i++) {
    memcpy(data->host, data->image, argument * PAGE);
    restore_cpus();
  }
}

static void run_take(uint64_t iterations, uint64_t argument) {
  struct region *data = &regions[region_count - 1];
  uint8_t *kept = NULL;
  for (uint64_t i = 0; i < iterations; i++) {
    uint8_t *copy = malloc(argument * PAGE);
    memcpy(copy, data->host, argument * PAGE);
    free(kept);
    kept = copy;
    for (int c = 0; c < CPUS; c++) {
      uc_context_save(cpus[c].uc, cpus[c].taken);
    }
  }
  free(kept);
}

static void run_schedules(uint64_t iterations, uint64_t argument) {
  (void)argument;
  for (uint64_t i = 0; i < iterations; i++) {
    run_schedule();
  }
}

static const struct {
  const char *name;
  void (*run)(uint64_t iterations, uint64_t argument);
} loops[] = {
    {"plain", run_plain}, {"slices", run_slices},       {"restore", run_restore},
    {"take", run_take},   {"schedules", run_schedules},
};

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t next_number(void) {
  const char *word = strtok(NULL, " \n");
  if (word == NULL) {
    fail("a number is missing");
  }
  return strtoull(word, NULL, 0);
}

/* reset BY_COUNT LOG: forgets all regions and makes new CPUs. */
static void command_reset(void) {
  by_count = next_number() != 0;
  bool log = next_number() != 0;
  for (int i = 0; i < CPUS; i++) {
    if (cpus[i].uc != NULL) {
      uc_close(cpus[i].uc);
    }
    cpus[i] = (struct cpu){0};
    check(uc_open(ARCH_X86, MODE_64, &cpus[i].uc), "uc_open");
    check(uc_ctl(cpus[i].uc, CTL_USE_EXITS, 1), "uc_ctl");
    size_t hook;
    if (!by_count) {
      check(uc_hook_add(cpus[i].uc, &hook, HOOK_CODE, on_code, &cpus[i], 1, 0), "uc_hook_add");
    }
    if (log) {
      check(uc_hook_add(cpus[i].uc, &hook, HOOK_MEM_WRITE, on_write, &cpus[i], 1, 0),
            "uc_hook_add");
    }
  }
  for (int i = 0; i < region_count; i++) {
    munmap(regions[i].host, regions[i].length);
    munmap(regions[i].image, regions[i].length);
  }
  region_count = 0;
  record_count = 0;
  dirty_count = 0;
  memset(classes, 0xff, sizeof classes);
}

static uint8_t *reserve(uint64_t length) {
  void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    fail("no memory");
  }
  return memory;
}

/* map ADDRESS LENGTH PROTECTION */
static void command_map(void) {
  if (region_count == REGIONS_MAX) {
    fail("too many regions");
  }
  struct region *region = &regions[region_count++];
  region->address = next_number();
  region->length = next_number();
  uint32_t protection = (uint32_t)next_number();
  region->host = reserve(region->length);
  region->image = reserve(region->length);
  for (int i = 0; i < CPUS; i++) {
    check(uc_mem_map_ptr(cpus[i].uc, region->address, region->length, protection, region->host),
          "uc_mem_map_ptr");
  }
}

/* pad: data mapped after it is far from code, which makes stores faster. */
static void command_pad(void) {
  for (int i = 0; i < CPUS; i++) {
    check(uc_mem_map(cpus[i].uc, 0xfffff00000000000, 4 << 20, 0), "uc_mem_map");
  }
}

/* code ADDRESS: all instructions of this page are plain ones. */
static void command_code(void) {
  uint64_t page = next_number() / PAGE;
  classes[page % CLASS_ENTRIES] = (struct class_entry){page, plain_page};
}

/* write ADDRESS HEXADECIMAL: within one region. */
static void command_write(void) {
  uint8_t *at = host_of(next_number());
  const char *text = strtok(NULL, " \n");
  for (unsigned byte; text != NULL && sscanf(text, "%2x", &byte) == 1; text += 2) {
    *at++ = (uint8_t)byte;
    if (text[2] == '\0') {
      break;
    }
  }
}

/* cpu INDEX GENERAL... RIP RFLAGS FS_BASE RSEQ */
static void command_cpu(void) {
  struct cpu *cpu = &cpus[next_number() % CPUS];
  for (int i = 0; i < 16; i++) {
    uint64_t value = next_number();
    check(uc_reg_write(cpu->uc, general[i], &value), "uc_reg_write");
  }
  cpu->ip = next_number();
  uint64_t flags = next_number();
  uint64_t fs_base = next_number();
  check(uc_reg_write(cpu->uc, RFLAGS, &flags), "uc_reg_write");
  check(uc_reg_write(cpu->uc, FS_BASE, &fs_base), "uc_reg_write");
  cpu->rseq = next_number();
}

/* save: what is there now is what is restored. */
static void command_save(void) {
  for (int i = 0; i < region_count; i++) {
    memcpy(regions[i].image, regions[i].host, regions[i].length);
  }
  for (int i = 0; i < CPUS; i++) {
    check(uc_context_alloc(cpus[i].uc, &cpus[i].context), "uc_context_alloc");
    check(uc_context_alloc(cpus[i].uc, &cpus[i].taken), "uc_context_alloc");
    uc_context_save(cpus[i].uc, cpus[i].context);
    cpus[i].saved_ip = cpus[i].ip;
  }
}

/* run LOOP ITERATIONS ARGUMENT: replies with nanoseconds and where the CPUs are. */
static void command_run(void) {
  const char *name = strtok(NULL, " \n");
  uint64_t iterations = next_number();
  uint64_t argument = next_number();
  for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
    if (name == NULL || strcmp(loops[i].name, name) != 0) {
      continue;
    }
    uint64_t start = now_ns();
    loops[i].run(iterations, argument);
    uint64_t end = now_ns();
    printf("ok %lu %lu %lu\n", end - start, cpus[0].ip, cpus[1].ip);
    return;
  }
  fail("no such loop");
}

static const struct {
  const char *name;
  void (*execute)(void);
} commands[] = {
    {"reset", command_reset}, {"map", command_map}, {"pad", command_pad},   {"code", command_code},
    {"write", command_write}, {"cpu", command_cpu}, {"save", command_save},
};

static void execute(const char *name) {
  if (strcmp(name, "run") == 0) {
    command_run();
    return;
  }
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(commands[i].name, name) == 0) {
      commands[i].execute();
      puts("ok");
      return;
    }
  }
  fail("no such command: %s", name);
}

int main(int argc, char **argv) {
  void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (library == NULL) {
    fail("%s", argc == 2 ? dlerror() : "usage: reference LIBRARY");
  }
#define BIND(name) (*(void **)&name = dlsym(library, #name))
  BIND(uc_open), BIND(uc_close), BIND(uc_ctl), BIND(uc_mem_map), BIND(uc_mem_map_ptr);
  BIND(uc_hook_add), BIND(uc_emu_start), BIND(uc_emu_stop), BIND(uc_reg_read);
  BIND(uc_reg_write), BIND(uc_context_alloc), BIND(uc_context_save), BIND(uc_context_restore);
  memset(plain_page, PLAIN, sizeof plain_page);
  char *line = NULL;
  size_t capacity = 0;
  while (getline(&line, &capacity, stdin) > 0) {
    const char *name = strtok(line, " \n");
    if (name != NULL) {
      execute(name);
      fflush(stdout);
    }
  }
  return 0;
}
