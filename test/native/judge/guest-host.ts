import { join } from 'node:path';
import { execa } from 'execa';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { projectRoot } from '../../support/project.ts';
import type { GuestCase } from './guest-cases.ts';
import { answerScripts, nativeRunner } from './guest-runs.ts';
import { profileOfHost } from './host-kernel.ts';

const FLAGS = [
  ...['-O1', '-static', '-nostdlib', '-ffreestanding', '-fno-stack-protector', '-fno-pic'],
  ...['-no-pie', '-fcf-protection=none', '-mno-avx', '-mgeneral-regs-only', '-s'],
  ...['-fno-asynchronous-unwind-tables', '-fno-tree-loop-distribute-patterns'],
  ...['-Wl,-z,noexecstack', '-Wl,--build-id=none', '-Wl,-z,max-page-size=4096'],
  ...['-Wall', '-Wextra', '-Werror'],
];
const ATTEMPTS = [5, 15, 80] as const;

export const GUEST_PROGRAM = join(projectRoot, 'test/native/judge-guest.elf');

/** Compiles the guest that kernel and machine run. */
export async function buildGuest(): Promise<void> {
  const source = join(projectRoot, 'test/native/judge-guest.c');
  await execa('gcc', [...FLAGS, '-o', GUEST_PROGRAM, source]);
}

/** To CPU 1 and back, then the probe of libraries. */
const PROBE = 'V 50004940 2 s cb 0 8 50004940 V 50004940 1 s cb 0 8 50004940 s 14e 0 0 0 0';

/** The profile of this machine's kernel, or why the guest has nothing to tell of it. */
export async function openHost(): Promise<KernelProfile | string> {
  const profile = profileOfHost();
  if (typeof profile === 'string') return profile;
  const [answer] = await answerScripts(nativeRunner(GUEST_PROGRAM), [PROBE]);
  if (answer === '0 0 -16') return profile;
  return answer?.endsWith('-26') ? 'this kernel has no rseq' : 'needs two CPUs';
}

/**
 * The answers of this machine's kernel, and how many had to be asked for again. A kernel may take a
 * task off its CPU at any time, which does more than the cause would, never less: where the expected
 * answer leaves the task undisturbed, it is enough that the kernel gives it once. Of other answers what
 * it gives most often counts.
 */
export async function askHost(
  cases: readonly GuestCase[],
  expected: readonly string[],
): Promise<{ answers: string[]; repeated: number }> {
  const run = nativeRunner(GUEST_PROGRAM);
  const scripts = cases.map(({ script }) => script);
  const answers = await answerScripts(run, scripts);
  let repeated = 0;
  for (const [i, { script }] of cases.entries()) {
    const wanted = expected[i] ?? '';
    if (answers[i] === wanted) continue;
    repeated++;
    for (const attempts of ATTEMPTS) {
      const found: string[] = [];
      for (let n = 0; n < attempts; n++) found.push(...(await answerScripts(run, [script])));
      answers[i] = isUndisturbed(wanted) && found.includes(wanted) ? wanted : mostFrequent(found);
      if (answers[i] === wanted) break;
    }
  }
  return { answers, repeated };
}

/** Whether rseq_cs was still set: the second word of an answer, but for what handlers found. */
function isUndisturbed(answer: string): boolean {
  if (answer.includes('killed')) return false;
  const [, pointer = '0'] = answer
    .replaceAll(/\[[^\]]*\]/g, '')
    .trim()
    .split(/\s+/);
  return pointer !== '0';
}

function mostFrequent(answers: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}
