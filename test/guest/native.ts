import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { guestDir } from './guest-files.ts';

/** How a native run ended. */
export interface NativeRun {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const auxvRseqFeatureSize = 27n;
const statusUnable = 3;
const runTimeoutMilliseconds = 60_000;

/** Runs a program of the host to its end, output as it is. */
export async function runNatively(file: string, args: readonly string[]): Promise<NativeRun> {
  const { exitCode, stdout, stderr, failed, message } = await execa(file, args, {
    reject: false,
    stripFinalNewline: false,
    timeout: runTimeoutMilliseconds,
  });
  const why = failed && exitCode === undefined ? `${message ?? 'it did not end'}\n` : '';
  return { status: exitCode, stdout, stderr: `${stderr}${why}` };
}

/**
 * Why guests cannot run on this machine, or undefined where they can. A kernel that announces rseq
 * to its programs (6.3 and newer) is one where they must.
 */
export async function whyNotNative(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `guests run natively on Linux x86-64 only, this is ${process.platform} ${process.arch}`;
  }
  if (await announcesRseq()) {
    return undefined;
  }
  const { status, stderr } = await runNatively(join(guestDir, 'counter.elf'), ['1', '1']);
  return status === statusUnable ? `this kernel has no rseq: ${stderr.trim()}` : undefined;
}

async function announcesRseq(): Promise<boolean> {
  const auxv = await readFile('/proc/self/auxv');
  for (let offset = 0; offset + 16 <= auxv.length; offset += 16) {
    if (auxv.readBigUInt64LE(offset) === auxvRseqFeatureSize) {
      return true;
    }
  }
  return false;
}

/** The command that pins a program to one CPU this process may use, or why there is none. */
export async function findPinning(): Promise<
  | { readonly kind: 'command'; readonly file: string; readonly args: readonly string[] }
  | { readonly kind: 'none'; readonly reason: string }
> {
  const status = await readFile('/proc/self/status', 'utf8');
  const cpu = /^Cpus_allowed_list:\s*(\d+)/m.exec(status)?.[1];
  const probe = await execa('taskset', ['--version'], { reject: false });
  if (probe.failed || cpu === undefined) {
    return { kind: 'none', reason: 'there is no taskset (util-linux) to pin a program with' };
  }
  return { kind: 'command', file: 'taskset', args: ['-c', cpu] };
}
