import { mkdtemp, rm } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Step, SYS_RSEQ, stepToString } from './script.ts';

const SOURCE = join(import.meta.dirname, '../../native/rseq-judge.c');
/** Without it the C library's own registration is in the way. */
const ENVIRONMENT = { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' };
const STATUS_UNABLE = 3;
const ENOSYS = -38;

/** The kernel of this machine, asked through rseq-judge.c. */
export interface Judge {
  /** One line for each step that prints one. */
  run(steps: readonly Step[]): Promise<string[]>;
  close(): Promise<void>;
}

/** Builds the judge; a text says why this machine cannot have one. */
export async function openJudge(): Promise<Judge | string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major !== 6 || minor < 15 || minor > 18)
    return `this kernel is not 6.15 to 6.18: ${release()}`;
  const folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-judge-'));
  const program = join(folder, 'judge');
  const options = ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, SOURCE];
  const built = await execa('gcc', options, { reject: false });
  const close = () => rm(folder, { recursive: true, force: true });
  const obstacle = built.failed ? whyNotBuilt(built) : await whyNotUsable(program);
  if (obstacle === undefined) return { run: (steps) => runJudge(program, steps), close };
  await close();
  return obstacle;
}

function whyNotBuilt({ code, stderr }: { code?: string | undefined; stderr: string }): string {
  if (code === 'ENOENT') return 'there is no gcc to build a program with';
  throw new Error(stderr);
}

async function whyNotUsable(program: string): Promise<string | undefined> {
  const probe: Step = { kind: 'call', number: SYS_RSEQ, args: [0, 0, 0, 0] };
  const result = await execa(program, {
    input: `${stepToString(probe)}\n`,
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
