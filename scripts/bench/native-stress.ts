import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { type CProgram, compile } from './compile.ts';

const WAKER: CProgram = {
  name: 'waker',
  folder: join(import.meta.dirname, 'stress'),
  sources: ['waker.c'],
  headers: [],
  libraries: [],
};
/** Two of them, each up to 100 microseconds asleep: some 40,000 preemptions a second. */
const WAKERS = 2;
const SLEEP_NANOSECONDS_MAX = '100000';
/** A program that needs so long has no end: one takes milliseconds. */
const HANG_SECONDS = '5';
/** What guests exit with where they cannot run: no rseq. */
const EXIT_UNABLE = 3;
const MILLISECONDS = 1000;

/**
 * Runs a program until it ends with another status than 0, or SIGTERM comes; then its status and
 * how often it had ended well. SIGTERM is heard between two runs.
 */
const LOOP = `
ulimit -c 0
i=0
trap 'echo "$i 0"; exit' TERM
while :; do
  "$@" >/dev/null 2>&1
  s=$?
  [ $s -eq 0 ] || break
  i=$((i + 1))
done
echo "$i $s"
`;

/** What became of a program that was run again and again. */
export interface StressResult {
  /** Seconds until it failed; `undefined` if it did not. */
  readonly seconds: number | undefined;
  /** Its runs that ended well. */
  readonly runs: number;
  /** 128 + n for a signal, 124 for a run without an end; 0 if it never failed. */
  readonly status: number;
}

/** Runs programs of this host, their threads pinned to one CPU where others wake up all the time. */
export interface Stress {
  run(file: string, secondsMax: number): Promise<StressResult>;
}

/** A way to stress programs, or why there is none here. */
export async function openStress(
  cacheDir: string,
  rightProgram: string,
): Promise<Stress | { readonly problem: string }> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { problem: `guests run natively on Linux x86-64 only` };
  }
  const probe = await execa(rightProgram, [], { reject: false });
  if (probe.exitCode === EXIT_UNABLE) return { problem: 'this kernel has no rseq' };
  if (probe.failed) return { problem: `guests do not run here: ${probe.shortMessage}` };
  const tools = await execa('taskset', ['--version'], { reject: false });
  const status = await readFile('/proc/self/status', 'utf8');
  const cpu = /^Cpus_allowed_list:.*?(\d+)\s*$/m.exec(status)?.[1];
  if (tools.failed || cpu === undefined) return { problem: 'there is no taskset to pin with' };
  const waker = await compile(WAKER, cacheDir);
  if (waker.kind === 'no compiler') return { problem: `no C compiler (${waker.command})` };
  return { run: (file, secondsMax) => runPinned(cpu, waker.file, file, secondsMax) };
}

async function runPinned(
  cpu: string,
  waker: string,
  file: string,
  secondsMax: number,
): Promise<StressResult> {
  const pinned = (...command: string[]) =>
    execa('taskset', ['-c', cpu, ...command], { reject: false, forceKillAfterDelay: false });
  const wakers = Array.from({ length: WAKERS }, () => pinned(waker, SLEEP_NANOSECONDS_MAX));
  const started = performance.now();
  try {
    const loop = pinned('sh', '-c', LOOP, 'sh', 'timeout', HANG_SECONDS, file);
    const timer = setTimeout(() => loop.kill('SIGTERM'), secondsMax * MILLISECONDS);
    const { stdout } = await loop;
    clearTimeout(timer);
    const seconds = (performance.now() - started) / MILLISECONDS;
    const [runs = 0, status = 0] = stdout.split(' ').map(Number);
    return { seconds: status === 0 ? undefined : seconds, runs, status };
  } finally {
    for (const process of wakers) process.kill('SIGKILL');
    await Promise.all(wakers);
  }
}
