import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { execa } from 'execa';
import { UserError } from '../emulator/errors.ts';

const FILES = 20;
const SECTIONS_A_FILE = 5;
const RUNS = 5;

const helpText = `Usage: check-speed [--keep DIR]

Compiles a static C++ program of some 20 MB with debug information and restartable sections spread
through it, and measures how long \`check\` takes for it, start included. Needs g++.
`;

/**
 * The verb `check-speed`. Returns its exit status.
 * Errors: UserError where g++ is missing or fails.
 */
export async function main(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(helpText);
    return 0;
  }
  const kept = args[0] === '--keep' ? args[1] : undefined;
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'rseq-testbed-check-speed-')));
  try {
    await mkdir(folder, { recursive: true });
    const program = await build(folder);
    const { size } = await stat(program);
    const seconds = [];
    for (let run = 0; run < RUNS; run++) seconds.push(await timeCheck(program));
    const text = seconds.map((each) => each.toFixed(2)).join(' ');
    process.stdout.write(`check of ${(size / 1e6).toFixed(1)} MB: ${text} s\n`);
    return 0;
  } finally {
    if (kept === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** One translation unit: standard-library code over types of its own, and sections in between. */
function source(file: number): string {
  const units = Array.from({ length: SECTIONS_A_FILE }, (_, unit) => {
    const number = file * SECTIONS_A_FILE + unit;
    return `
struct key_${number} {
  int value;
  bool operator<(const key_${number} &other) const { return value < other.value; }
};
static uint64_t counters_${number}[64];
__attribute__((noinline)) enum rseq_outcome section_${number}(uint32_t cpu) {
  return rseq_add(&counters_${number}[cpu], 1, cpu);
}
${number % 3 === 0 ? largeWork(number) : smallWork(number)}`;
  });
  const calls = Array.from(
    { length: SECTIONS_A_FILE },
    (_, unit) => `work_${file * SECTIONS_A_FILE + unit}(cpu)`,
  );
  const all = `long file_${file}(uint32_t cpu) { return ${calls.join(' + ')}; }`;
  return `${HEADERS}${units.join('\n')}\n${all}\n`;
}

/** Much of the standard library for types of this unit alone. */
function largeWork(number: number): string {
  return `__attribute__((noinline)) long work_${number}(uint32_t cpu) {
  std::map<key_${number}, std::vector<std::string>> map;
  std::unordered_map<std::string, std::shared_ptr<key_${number}>> index;
  std::function<void(int)> fill = [&](int n) {
    map[{n}].push_back(std::to_string(n));
    index.emplace(std::to_string(n), std::make_shared<key_${number}>(key_${number}{n}));
  };
  for (int n = 0; n < 10; n++) fill(n);
  std::vector<std::tuple<key_${number}, double, std::string>> rows;
  for (auto &[key, texts] : map) rows.emplace_back(key, 1.5, texts.front());
  std::stable_sort(rows.begin(), rows.end(), [](auto &a, auto &b) {
    return std::get<2>(a) < std::get<2>(b);
  });
  std::variant<int, std::string, key_${number}> any = key_${number}{1};
  return (long)rows.size() + section_${number}(cpu) + (long)any.index() + (long)index.size();
}`;
}

function smallWork(number: number): string {
  return `__attribute__((noinline)) long work_${number}(uint32_t cpu) {
  std::map<key_${number}, int> map;
  for (int n = 0; n < 10; n++) map[{n}] = n;
  return (long)map.size() + section_${number}(cpu);
}`;
}

const HEADERS = `#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>
#include "rseq_operations.h"
`;

async function build(folder: string): Promise<string> {
  const names = Array.from({ length: FILES }, (_, file) => `file_${file}`);
  for (const [file, name] of names.entries()) {
    await writeFile(join(folder, `${name}.cpp`), source(file));
  }
  const declarations = names.map((name) => `long ${name}(unsigned cpu);`).join('\n');
  const calls = names.map((name) => `${name}(0)`).join(' + ');
  const main = `${declarations}\nint main() { return (int)(${calls}); }\n`;
  await writeFile(join(folder, 'main.cpp'), main);
  const program = join(folder, 'program');
  const include = join(import.meta.dirname, '../guest/include');
  const flags = ['-std=c++17', '-g', '-O0', '-static', '-D_Static_assert=static_assert'];
  const sources = [...names, 'main'].map((name) => join(folder, `${name}.cpp`));
  const options = [...flags, '-I', include, '-o', program, ...sources];
  const { failed, code, stderr } = await execa('g++', options, { reject: false });
  if (code === 'ENOENT') throw new UserError('no-compiler', 'check-speed: there is no g++');
  if (failed) throw new UserError('no-compiler', `check-speed: g++ fails: ${stderr.slice(0, 300)}`);
  return program;
}

async function timeCheck(program: string): Promise<number> {
  const launcher = join(import.meta.dirname, 'rseq-testbed.mjs');
  const start = performance.now();
  const { stdout } = await execa(process.execPath, [launcher, 'check', program]);
  const seconds = (performance.now() - start) / 1000;
  const expected = `${FILES * SECTIONS_A_FILE} sections, 0 errors`;
  if (!stdout.includes(expected))
    throw new Error(`it must find ${expected}: ${stdout.slice(0, 500)}`);
  return seconds;
}
