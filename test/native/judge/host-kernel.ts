import { mkdtemp, rm } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { resolveKernel } from '../../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { type Step, SYS_RSEQ, stepToString } from '../../kernel-model/rseq/script.ts';

const SOURCE = join(import.meta.dirname, '../rseq-judge.c');
/** Without it the C library's own registration is in the way. */
const ENVIRONMENT = { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' };
const STATUS_UNABLE = 3;
const ENOSYS = -38;

/** The kernel of this machine, asked through rseq-judge.c. */
export interface HostKernel {
  /** The one that its version has. */
  readonly profile: KernelProfile;
  /** One line for each step that prints one. */
  run(steps: readonly Step[]): Promise<string[]>;
  close(): Promise<void>;
}

/** The profile that this machine's kernel has by its version, or why there is none. */
export function profileOfHost(): KernelProfile | string {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const found = resolveKernel(`${major}.${minor}`);
  return 'profile' in found ? found.profile : `no profile is of this kernel: ${release()}`;
}

/** Builds rseq-judge; a text says why this machine cannot have it. */
export async function openHostKernel(): Promise<HostKernel | string> {
  const profile = profileOfHost();
  if (typeof profile === 'string') return profile;
  const folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-judge-'));
  const program = join(folder, 'judge');
  const options = ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, SOURCE];
  const built = await execa('gcc', options, { reject: false });
  const close = () => rm(folder, { recursive: true, force: true });
  const obstacle = built.failed ? whyNotBuilt(built) : await whyNotUsable(program);
  if (obstacle === undefined) {
    return { profile, run: (steps) => runJudge(program, steps), close };
  }
  await close();
  return obstacle;
}

function whyNotBuilt({ code, stderr }: { code?: string | undefined; stderr: string }): string {
  if (code === 'ENOENT') return 'there is no gcc to build a program with';
  throw new Error(stderr);
}

async function whyNotUsable(program: string): Promise<string | undefined> {
  const probe: Step[] = [
    { kind: 'move', cpu: 1 },
    { kind: 'call', number: SYS_RSEQ, args: [0, 0, 0, 0] },
  ];
  const result = await execa(program, {
    input: `${probe.map(stepToString).join('\n')}\n`,
    env: ENVIRONMENT,
    reject: false,
  });
  if (result.exitCode === STATUS_UNABLE) return `this machine does not let us: ${result.stderr}`;
  if (result.failed) throw new Error(result.message);
  return Number(result.stdout) === ENOSYS ? 'this kernel has no rseq' : undefined;
}

async function runJudge(program: string, steps: readonly Step[]): Promise<string[]> {
  const input = `${steps.map(stepToString).join('\n')}\n`;
  const { stdout } = await execa(program, { input, env: ENVIRONMENT });
  return stdout === '' ? [] : stdout.split('\n');
}
