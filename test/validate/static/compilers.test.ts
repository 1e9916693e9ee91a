import { describe, expect, test } from 'vitest';
import { readObject } from '../../../emulator/loader/object/read-object.ts';
import { checkImage } from '../../../emulator/validate/static/check-image.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { compileSections } from './compiled-guest.ts';

/**
 * Every operation of the guests, alone and in a loop that tries again, so that compilers lay the ways
 * out of a section as they like: the code around it must not be taken for a mistake.
 */
const OPERATIONS = `
#include "rseq_operations.h"
struct node { uint64_t next; };
extern uint64_t slots[64][8];
int out_of_line(uint32_t cpu);

uint64_t add(uint32_t cpu, uint64_t n) { return rseq_add(&slots[cpu][0], n, cpu); }

void add_until_done(uint64_t n) {
  for (;;) {
    uint32_t cpu = rseq_cpu_start();
    if (rseq_add(&slots[cpu][0], n, cpu) == RSEQ_COMMITTED) return;
  }
}

/* The index is read again, and the slot with it. */
uint64_t count(uint64_t *kept, uint64_t rounds) {
  uint64_t aborts = 0;
  for (uint64_t done = 0; done < rounds;) {
    uint32_t cpu = rseq_cpu_start();
    uint64_t *slot = slots[cpu];
    switch (rseq_compare_store(slot, *kept, *kept + 1, cpu)) {
      case RSEQ_COMMITTED:
        done++;
        (*kept)++;
        break;
      case RSEQ_UNEQUAL:
        *kept = *slot;
        break;
      case RSEQ_ABORTED:
        if (out_of_line(cpu)) aborts++;
        break;
    }
  }
  return aborts;
}

struct node *pop(void) {
  for (;;) {
    uint32_t cpu = rseq_cpu_start();
    uint64_t first;
    switch (rseq_load_next(slots[cpu], 0, &first, cpu)) {
      case RSEQ_COMMITTED:
        return (struct node *)first;
      case RSEQ_UNEQUAL:
        return 0;
      case RSEQ_ABORTED:
        continue;
    }
  }
}

int push(struct node *node) {
  uint32_t cpu = rseq_cpu_start();
  uint64_t head = slots[cpu][0];
  node->next = head;
  return rseq_compare_store(slots[cpu], head, (uint64_t)node, cpu) == RSEQ_COMMITTED;
}

int put(uint64_t item) {
  uint32_t cpu = rseq_cpu_start();
  uint64_t *slot = slots[cpu];
  uint64_t used = slot[0];
  return rseq_compare_prepare_store(slot, used, slot + 1 + used, item, used + 1, cpu);
}

int take_both(uint64_t *a, uint64_t *b, uint32_t cpu) {
  return rseq_compare_both_store(a, 1, b, 2, 3, cpu);
}

int copy(uint64_t *to, const uint64_t *from, uint64_t words) {
  uint32_t cpu = rseq_cpu_start();
  return rseq_compare_copy_store(slots[cpu], 0, to, from, words, 1, cpu);
}
`;

const LEVELS = ['-O0', '-O1', '-O2', '-O3', '-Os', '-Og'];
const MODELS = ['-fno-pic', '-fPIC', '-fPIC -fcf-protection=full -fstack-protector-all'];
const BUILDS = MODELS.flatMap((model) => LEVELS.map((level) => ({ level, model })));

describe('no finding in sound sections', () => {
  test.for(BUILDS)('$level $model', async ({ level, model }, context) => {
    const path = await compileSections(context, OPERATIONS, ['-c', level, ...model.split(' ')]);
    const { program, findings } = checkImage(readObject(path), { kernel: PROFILES['linux-6.18'] });
    expect(program.sections.length).toBeGreaterThanOrEqual(8);
    const text = findings.map(({ rule, symbol, message }) => `${rule} ${symbol}: ${message}`);
    expect(text).toEqual([]);
  });
});

/** The same in one line, but the number is read twice: the thread may have migrated in between. */
const TWO_READINGS = `
#include "rseq_operations.h"
extern uint64_t slots[64][8];
void add_until_done(uint64_t n) {
  while (rseq_add(&slots[rseq_cpu_start()][0], n, rseq_cpu_start()) != RSEQ_COMMITTED) {}
}
`;

test.for(['-O1', '-O2', '-O3', '-Os'])(
  'two readings of the number are told at %s',
  async (level, context) => {
    const path = await compileSections(context, TWO_READINGS, ['-c', level]);
    const { findings } = checkImage(readObject(path), { kernel: PROFILES['linux-6.18'] });
    expect(findings.map(({ rule }) => rule)).toEqual(['R8']);
  },
);
