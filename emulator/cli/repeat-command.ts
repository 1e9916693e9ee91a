import { selectorOf } from '../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { type StepRequest, stepArguments } from './step-options.ts';

interface RepeatedRun {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly signals: readonly string[];
  readonly profile: Pick<KernelProfile, 'name' | 'selector'>;
  readonly cpus: number;
  readonly seed: number;
  readonly tick: number;
  readonly maxInstructions: number;
  readonly memoryMebibytes: number;
  readonly escalate: boolean;
  readonly symbols: string | undefined;
  readonly stepping: StepRequest | undefined;
}

const DEFAULT_MAX_INSTRUCTIONS = 100_000_000;
const DEFAULT_MEMORY_MEBIBYTES = 1024;

/** The command that does this very run again, to paste into a shell. */
export function repeatCommand(run: RepeatedRun): string {
  const words = [
    ...(process.env.npm_lifecycle_event === 'emulate'
      ? ['npm', 'run', 'emulate', '--']
      : ['npx', 'rseq-testbed', 'emulate']),
    run.file,
    ...['--cpus', String(run.cpus), '--seed', String(run.seed), '--tick', String(run.tick)],
    ...['--kernel', selectorOf(run.profile)],
  ];
  if (!run.escalate) words.push('--no-escalate');
  if (run.maxInstructions !== DEFAULT_MAX_INSTRUCTIONS) {
    words.push('--max-instructions', String(run.maxInstructions));
  }
  if (run.memoryMebibytes !== DEFAULT_MEMORY_MEBIBYTES) {
    words.push('--max-memory', String(run.memoryMebibytes));
  }
  for (const signal of run.signals) words.push('--signal', signal);
  for (const setting of run.env) words.push('--env', setting);
  if (run.symbols !== undefined) words.push('--symbols', run.symbols);
  words.push(...stepArguments(run.stepping));
  if (run.args.length > 0) words.push('--', ...run.args);
  return words.map(quoteForShell).join(' ');
}

function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
