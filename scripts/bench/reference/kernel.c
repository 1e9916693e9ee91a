#include "kernel.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "machine.h"

enum { RSEQ_SIGNATURE = 0x53053053, RSEQ_EVENT_PREEMPT = 1, DECISIONS_MAX = 1 << 16 };
enum { DECISION_SWITCH, DECISION_RUN, IDLE = THREADS, LIVELOCK_ABORTS = 10000 };
static const uint64_t TASK_SIZE = 0x7ffffffff000;

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

struct decision {
  uint8_t kind;
  uint8_t vcpu;
  uint32_t argument;
};

struct thread {
  uint64_t area;
  uint32_t events;
  bool must_notify;
  uint32_t mm_cid;
  /* The descriptors of what is armed, and of what was entered and not left; 0 for none. */
  uint64_t armed;
  uint64_t in_flight;
  uint32_t aborts_in_row;
};

struct kernel {
  uint64_t now;
  struct thread threads[THREADS];
  unsigned current;
  unsigned queue[THREADS];
  unsigned queue_length;
  uint32_t decision_count;
  struct counts counts;
};

static struct kernel kernel;
static struct kernel saved;
static struct decision decisions[DECISIONS_MAX];

void kernel_set_thread(unsigned index, uint64_t rseq, uint32_t events, uint64_t in_flight) {
  kernel.threads[index % THREADS] = (struct thread){
      .area = rseq, .events = events, .must_notify = events != 0, .in_flight = in_flight};
}

void kernel_set_current(unsigned index) {
  kernel.current = index % THREADS;
  kernel.queue[0] = (index + 1) % THREADS;
  kernel.queue_length = 1;
}

void kernel_save(void) {
  kernel.now = 0;
  kernel.decision_count = 0;
  kernel.counts = (struct counts){0};
  saved = kernel;
  machine_save();
}

void kernel_restore(void) {
  machine_restore_dirty();
  kernel = saved;
}

const struct counts *kernel_counts(void) {
  return &kernel.counts;
}

static void record_decision(uint8_t kind, uint32_t argument) {
  if (kernel.decision_count == DECISIONS_MAX) {
    fail("too many decisions");
  }
  decisions[kernel.decision_count++] = (struct decision){kind, 0, argument};
}

static bool is_in_section(const struct rseq_cs *section, uint64_t ip) {
  return ip - section->start_ip < section->post_commit_offset;
}

/* rseq_get_rseq_cs: the descriptor, every check of its made, or NULL where none is set. */
static const struct rseq_cs *checked_section(const struct rseq_area *area) {
  if (area->rseq_cs == 0) {
    return NULL;
  }
  if (area->rseq_cs >= TASK_SIZE) {
    fail("rseq_cs is no user address");
  }
  const struct rseq_cs *section = machine_host_of(area->rseq_cs);
  uint64_t end = section->start_ip + section->post_commit_offset;
  if (section->start_ip >= TASK_SIZE || end >= TASK_SIZE || section->abort_ip >= TASK_SIZE ||
      section->version > 0 || end < section->start_ip ||
      is_in_section(section, section->abort_ip)) {
    fail("a bad descriptor at 0x%lx", area->rseq_cs);
  }
  uint32_t signature;
  memcpy(&signature, machine_host_of(section->abort_ip - sizeof signature), sizeof signature);
  if (signature != RSEQ_SIGNATURE) {
    fail("no signature before 0x%lx", section->abort_ip);
  }
  return section;
}

static void count_abort(struct thread *thread) {
  if (thread->in_flight == 0) {
    kernel.counts.entered++;
  }
  thread->in_flight = 0;
  kernel.counts.aborted++;
  if (++thread->aborts_in_row == LIVELOCK_ABORTS) {
    fail("a livelock");
  }
}

/* rseq_ip_fixup. */
static void fix_up_ip(unsigned index, struct thread *thread, struct rseq_area *area) {
  const struct rseq_cs *section = checked_section(area);
  if (section == NULL || !is_in_section(section, machine_ip(index))) {
    area->rseq_cs = 0;
    return;
  }
  if (section->flags != 0 || area->flags != 0) {
    fail("flags of a section are not zero");
  }
  uint32_t events = thread->events;
  thread->events = 0;
  if (events == 0) {
    return;
  }
  area->rseq_cs = 0;
  machine_set_ip(index, section->abort_ip);
  count_abort(thread);
}

/* __rseq_handle_notify_resume: the fix-up, then rseq_update_cpu_node_id. */
static void return_to_user(unsigned index) {
  struct thread *thread = &kernel.threads[index];
  if (!thread->must_notify) {
    return;
  }
  thread->must_notify = false;
  struct rseq_area *area = machine_host_of(thread->area);
  fix_up_ip(index, thread, area);
  area->cpu_id_start = 0;
  area->cpu_id = 0;
  area->node_id = 0;
  area->mm_cid = thread->mm_cid;
  machine_mark_dirty(thread->area);
}

static void enqueue(unsigned index) {
  kernel.queue[kernel.queue_length++] = index;
}

static void dequeue(unsigned index) {
  unsigned at = 0;
  while (at < kernel.queue_length && kernel.queue[at] != index) {
    at++;
  }
  if (at == kernel.queue_length) {
    fail("thread %u is not queued", index);
  }
  kernel.queue_length--;
  memmove(&kernel.queue[at], &kernel.queue[at + 1],
          (kernel.queue_length - at) * sizeof kernel.queue[0]);
}

void kernel_switch(unsigned index) {
  record_decision(DECISION_SWITCH, index);
  if (kernel.current != IDLE) {
    struct thread *previous = &kernel.threads[kernel.current];
    previous->events |= RSEQ_EVENT_PREEMPT;
    previous->must_notify = previous->area != 0;
    enqueue(kernel.current);
    kernel.counts.preemptions++;
  }
  dequeue(index);
  kernel.current = index;
  /* The lowest concurrency id that no running thread has: there is one CPU. */
  kernel.threads[index].mm_cid = 0;
  return_to_user(index);
}

/* A marked instruction of `thread` executed, after the one at `previous`. */
static void note_boundary(struct thread *thread, uint64_t address, uint64_t previous) {
  if (thread->in_flight != 0) {
    const struct rseq_cs *section = machine_host_of(thread->in_flight);
    if (address == section->start_ip + section->post_commit_offset) {
      kernel.counts.committed += is_in_section(section, previous);
      thread->in_flight = 0;
      thread->aborts_in_row = 0;
    }
  }
  if (thread->armed != 0) {
    const struct rseq_cs *section = machine_host_of(thread->armed);
    if (address == section->start_ip) {
      kernel.counts.entered++;
      thread->in_flight = thread->armed;
    }
  }
}

/* The slice ended outside of the section that the thread had entered. */
static void settle_section(unsigned index, struct thread *thread) {
  if (thread->in_flight == 0) {
    return;
  }
  const struct rseq_cs *section = machine_host_of(thread->in_flight);
  uint64_t ip = machine_ip(index);
  if (is_in_section(section, ip)) {
    return;
  }
  bool has_committed = ip == section->start_ip + section->post_commit_offset &&
                       is_in_section(section, machine_last_ip(index));
  kernel.counts.committed += has_committed;
  thread->in_flight = 0;
  thread->aborts_in_row = 0;
}

static void take_log(struct thread *thread) {
  uint64_t arming_word = thread->area + offsetof(struct rseq_area, rseq_cs);
  uint32_t count;
  const struct record *records = machine_take_log(&count);
  for (uint32_t i = 0; i < count; i++) {
    const struct record *record = &records[i];
    if (record->type == RECORD_BOUNDARY) {
      note_boundary(thread, record->address, record->value);
      continue;
    }
    machine_mark_dirty(record->address);
    if (record->address == arming_word) {
      thread->armed = record->value;
    }
  }
}

void kernel_run(uint32_t instructions) {
  record_decision(DECISION_RUN, instructions);
  unsigned index = kernel.current;
  struct thread *thread = &kernel.threads[index];
  thread->armed = ((const struct rseq_area *)machine_host_of(thread->area))->rseq_cs;
  machine_run(index, instructions);
  kernel.now += instructions;
  kernel.counts.instructions += instructions;
  take_log(thread);
  settle_section(index, thread);
}
