import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { projectRoot, temporaryFolder } from '../support/project.ts';

const launcher = join(projectRoot, 'scripts', 'rseq-testbed.mjs');
const counter = join(projectRoot, 'guest', 'counter.bin');

/** A libunicorn that answers everything and then crashes, or hangs, in its first run. */
const brokenLibrary = `
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
unsigned uc_version(unsigned *major, unsigned *minor) {
  if (major) *major = 2;
  if (minor) *minor = 0;
  return 0x02000100;
}
int uc_open(int arch, int mode, void **uc) { *uc = malloc(16); return 0; }
int uc_context_alloc(void *uc, void **context) {
  uint64_t *words = calloc(16, 8);
  words[0] = 64;
  *context = words;
  return 0;
}
size_t uc_context_size(void *uc) { return 128; }
const char *uc_strerror(int error) { return "broken"; }
int uc_emu_start(void) {
  for (volatile int hang = getenv("HANG") != NULL; hang;) {}
  *(volatile int *)0 = 1;
  return 0;
}
#define ANSWERS(name) int name(void) { return 0; }
ANSWERS(uc_close) ANSWERS(uc_emu_stop) ANSWERS(uc_mem_map_ptr) ANSWERS(uc_mem_map)
ANSWERS(uc_mem_unmap) ANSWERS(uc_mem_protect) ANSWERS(uc_hook_add) ANSWERS(uc_ctl)
ANSWERS(uc_reg_read) ANSWERS(uc_reg_read_batch) ANSWERS(uc_reg_write)
ANSWERS(uc_context_save) ANSWERS(uc_context_restore)
`;

async function buildBrokenLibrary(): Promise<string | undefined> {
  const folder = await temporaryFolder();
  const source = join(folder, 'broken.c');
  const library = join(folder, 'libunicorn.so.2');
  await writeFile(source, brokenLibrary);
  const built = await execa('gcc', ['-shared', '-fPIC', '-w', '-o', library, source], {
    reject: false,
  });
  return built.exitCode === 0 ? library : undefined;
}

describe('an engine that breaks, being native code', () => {
  it('does not pass for a guest that was killed', async (context) => {
    const library = await buildBrokenLibrary();
    context.skip(library === undefined, 'there is no gcc');
    const result = await execa(process.execPath, [launcher, 'emulate', counter], {
      env: { RSEQ_TESTBED_LIBUNICORN: library },
      reject: false,
    });
    expect({ status: result.exitCode, stderr: result.stderr, stdout: result.stdout }).toEqual({
      status: 125,
      stderr: 'rseq-testbed: the engine crashed (SIGSEGV); this is no verdict on the guest',
      stdout: '',
    });
  });

  it('can be ended by Ctrl-C when it hangs', async (context) => {
    const library = await buildBrokenLibrary();
    context.skip(library === undefined, 'there is no gcc');
    const running = execa(process.execPath, [launcher, 'emulate', counter], {
      env: { RSEQ_TESTBED_LIBUNICORN: library, HANG: '1' },
      reject: false,
    });
    onTestFinished(() => {
      running.kill('SIGKILL');
    });
    await setTimeout(2000);
    running.kill('SIGINT');
    const { exitCode, stderr } = await running;
    expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: 'rseq-testbed: interrupted' });
  });
});

/** Processes that were started with this word. */
function processesWith(word: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word);
    } catch {
      return false;
    }
  });
}

describe('a worker whose parent is killed', () => {
  it('ends, even while it is starting', async (context) => {
    context.skip(process.platform !== 'linux', 'it looks for processes in /proc');
    const word = join(await temporaryFolder(), 'schedule.json');
    const endless = [
      '--save-schedule',
      word,
      '--max-instructions',
      '1000000000000',
      '--',
      '16',
      '1000000',
    ];
    const isWorking = () => processesWith(word).length > 1;
    for (const milliseconds of [0, 20, 40, 60, 80, 120, 250]) {
      const running = execa(process.execPath, [launcher, 'emulate', counter, ...endless], {
        reject: false,
      });
      await vi.waitUntil(isWorking, { timeout: 20_000, interval: 2 });
      await setTimeout(milliseconds);
      running.kill('SIGKILL');
      await running;
      await vi.waitUntil(() => processesWith(word).length === 0, { timeout: 5000, interval: 20 });
    }
  });
});

describe('a run that is interrupted', () => {
  it('tells what was found so far, with status 130', async () => {
    const options = ['--strace', '--', '16', '1000000'];
    const running = execa(process.execPath, [launcher, 'emulate', counter, ...options], {
      reject: false,
    });
    const underWay = new Promise((resolve) => running.stderr.once('data', resolve));
    await Promise.race([underWay, running]);
    running.kill('SIGINT');
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(130);
    expect(stderr).toMatch(/\d+ tasks?, \d+ instructions/);
    expect(stderr).toMatch(/result: interrupted\n/);
  });
});

describe('a pipe whose reader has gone', () => {
  it('ends the run quietly', async () => {
    const { stderr } = await execa(
      'sh',
      [
        '-c',
        '"$0" "$1" emulate "$2" --strace 2>&1 | head -n 1 >/dev/null',
        process.execPath,
      ].concat(launcher, counter),
      { reject: false },
    );
    expect(stderr).toBe('');
  });
});
