import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { TestContext } from 'vitest';
import { guestDir } from '../../guest/guest-files.ts';
import { temporaryFolder } from '../../loader/files.ts';

const HEADERS = ['-I', join(guestDir, 'include'), '-I', guestDir];

/** A text in C with sections after guest/include, compiled as asked; skips the test without gcc. */
export async function compileSections(
  context: TestContext,
  text: string,
  options: readonly string[],
): Promise<string> {
  const folder = await temporaryFolder();
  const path = join(folder, 'sections');
  const source = join(folder, 'sections.c');
  await writeFile(source, text);
  const flags = ['-O2', '-fno-stack-protector', ...HEADERS, ...options];
  const result = await execa('gcc', [...flags, '-o', path, source], { reject: false });
  if (result.code === 'ENOENT') context.skip('there is no gcc to build a program with');
  if (result.failed) throw new Error(`gcc ${options.join(' ')}: ${result.stderr}`);
  return path;
}

/** Two sections, one of them without the store that arms, and a program that has them. */
export const TWO_SECTIONS = `
#include "rseq_operations.h"
uint64_t counters[64];
enum rseq_outcome add_one(uint32_t cpu) { return rseq_add(&counters[cpu], 1, cpu); }
#undef RSEQ_ARM
#define RSEQ_ARM "\\n\\t"
enum rseq_outcome add_two(uint32_t cpu) {
  uint64_t *value = &counters[cpu];
  __asm__ goto(RSEQ_BEGIN
               "addq $2, (%[value])\\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value)
               : "memory", "cc", "rax"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}
#ifdef WITH_MAIN
int main(void) { return (int)add_one(0) + (int)add_two(0); }
#endif
`;
