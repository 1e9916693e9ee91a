import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Effort, type Figure, measure, type Row } from '../../scripts/bench/measure.ts';
import { formatTable } from '../../scripts/bench/report.ts';
import { concernsOf } from '../../scripts/bench/shares.ts';
import { main } from '../../scripts/bench.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const timeoutMilliseconds = 120_000;
/** One row of each kind: run, slices of both levels, restore, snapshot, schedule. */
const smokeRows = '^run, no stores$|^slice of 5|^restore.*3 pages|^snapshot.*3 pages|^whole sch';
const smokeRowCount = 8;

const compiler = await execa('gcc', ['--version'], { reject: false });
const noCompiler = compiler.failed ? 'there is no gcc to compile the C side with' : undefined;

/** Runs the verb and returns its status with what it wrote. */
async function runVerb(args: string[]): Promise<{ status: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const capture = (stream: NodeJS.WriteStream, name: 'out' | 'err') =>
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      written[name] += String(text);
      return true;
    });
  const spies = [capture(process.stdout, 'out'), capture(process.stderr, 'err')];
  try {
    return { status: await main(args), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

// Fetches it where it is missing, so that the verb itself has nothing to say about that.
beforeAll(unicornLibrary, timeoutMilliseconds);

describe('measuring', () => {
  const effort: Effort = { isQuick: false, rounds: 3, roundMs: 1, warmUpMs: 1 };
  const row: Row = {
    name: 'row',
    unit: 'us',
    value: (ns) => ns / 1000,
    prepare: () => Promise.reject(new Error('not asked for')),
  };

  test('takes turns, and reports medians and the median of paired ratios', async () => {
    // Round by round 2, 3 and 10 times as long as C, whose own speed changes meanwhile.
    const times = { ours: [2000, 9000, 10_000], reference: [1000, 3000, 1000] };
    const turns: string[] = [];
    const side = (name: 'ours' | 'reference') => (iterations: number) => {
      turns.push(name);
      return (times[name].shift() ?? Number.NaN) * iterations;
    };
    const single = { ...row, isSingle: true };
    const sides = { ours: side('ours'), reference: side('reference') };
    expect(await measure(single, sides, effort)).toEqual({
      name: 'row',
      unit: 'us',
      value: 9,
      reference: 1,
      ratio: 3,
    });
    expect(turns).toEqual(['ours', 'reference', 'ours', 'reference', 'ours', 'reference']);
  });

  test('gives each side rounds of the same number of iterations, long enough', async () => {
    const asked: number[] = [];
    const ours = (iterations: number) => {
      asked.push(iterations);
      return iterations * 1000;
    };
    const referenceAsked: number[] = [];
    const reference = (iterations: number) => {
      referenceAsked.push(iterations);
      return iterations;
    };
    await measure(row, { ours, reference }, effort);
    const iterationsOfOneMillisecond = 1000;
    expect(asked.slice(-effort.rounds)).toEqual(referenceAsked.slice(-effort.rounds));
    expect(asked.at(-1)).toBe(iterationsOfOneMillisecond);
  });

  test('leaves the columns of C empty where there is no C', async () => {
    const figure = await measure({ ...row, isSingle: true }, { ours: () => 5000 }, effort);
    expect(Object.keys(figure)).toEqual(['name', 'unit', 'value']);
    const [, line] = formatTable([{ name: 'row', unit: 'us', value: 1234.5 }]).split('\n');
    expect(line).toMatch(/^row +us +1235$/);
  });
});

describe('a profile', () => {
  const frame = (url: string) => ({
    ...{ functionName: '', scriptId: '', url, lineNumber: 0, columnNumber: 0 },
  });
  const nodes = [
    { id: 1, callFrame: frame(''), children: [2, 5] },
    { id: 2, callFrame: frame('file:///x/emulator/explore/search/explorer.ts'), children: [3, 4] },
    { id: 3, callFrame: frame('file:///x/emulator/engine/unicorn/cpu.ts'), children: [6] },
    { id: 4, callFrame: frame('file:///x/emulator/machine/state-keys.ts') },
    { id: 5, callFrame: frame('node:internal/timers') },
    { id: 6, callFrame: frame('') },
  ];

  test('counts samples by source folder, native code to its caller', () => {
    const samples = [2, 3, 6, 6, 4, 5, 1, 1];
    const times = { startTime: 0, endTime: 1 };
    const fileOf = ({ url }: { url: string }) => url || undefined;
    const shares = concernsOf({ nodes, samples, ...times }, { fileOf });
    expect(Object.fromEntries(shares)).toEqual({
      ...{ search: 1 / 8, engine: 3 / 8, hashing: 1 / 8, other: 3 / 8 },
    });
  });
});

describe('the verb', () => {
  test(
    'measures beside C, which does the same work',
    async (context) => {
      context.skip(noCompiler !== undefined, noCompiler);
      vi.stubEnv('CC', '');
      const { status, out } = await runVerb(['--quick', '--only', smokeRows, '--json', '-']);
      expect(status).toBe(0);
      const report = JSON.parse(out);
      expect(report.schema).toEqual({ name: 'rseq-testbed/bench', version: 1 });
      expect(report.machine).toMatchObject({
        node: process.version,
        engine: expect.stringMatching(/^unicorn 2\./),
      });
      expect(report.rows).toHaveLength(smokeRowCount);
      for (const { name, unit, value, reference, ratio } of report.rows) {
        expect(unit, name).toMatch(/^(MIPS|ns|us|1\/s)$/);
        for (const figure of [value, reference, ratio]) expect(figure, name).toBeGreaterThan(0);
      }
    },
    timeoutMilliseconds,
  );

  test(
    'says so without a compiler, and measures what it can',
    async () => {
      vi.stubEnv('CC', join(tmpdir(), 'absent-compiler'));
      const folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-bench-'));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const file = join(folder, 'bench.json');
      const only = '^run, no stores$';
      const { status, out, err } = await runVerb(['--quick', '--only', only, '--json', file]);
      expect(status).toBe(0);
      expect(err).toMatch(/^bench: no C compiler \(.*absent-compiler\): [^\n]*\n$/);
      expect(out).toMatch(/\nrun, no stores +MIPS +[\d.]+\n$/);
      const report = JSON.parse(await readFile(file, 'utf8'));
      expect(Object.keys(report.rows[0])).toEqual(['name', 'unit', 'value']);
      expect(report.machine).not.toHaveProperty('compiler');
    },
    timeoutMilliseconds,
  );

  test(
    'measures the search: its rate, two workers beside one, what its time is spent on',
    async () => {
      const only = '^search';
      const { status, out } = await runVerb([
        '--quick',
        '--rounds',
        '1',
        '--only',
        only,
        '--json',
        '-',
      ]);
      expect(status).toBe(0);
      const rows: Figure[] = JSON.parse(out).rows;
      const [rate, jobs, longer, ceiling, ...shares] = rows;
      expect(rate).toMatchObject({ unit: 'schedules/s', value: expect.any(Number) });
      expect(rate?.note).toMatch(/^\d+ schedules, \d+\.\d instructions executed for each$/);
      for (const row of [jobs, longer, ceiling]) {
        expect(row).toMatchObject({ unit: 's', ratio: expect.any(Number) });
      }
      expect(jobs?.note).toMatch(/^\d+ schedules$/);
      expect(shares.map(({ name }) => name.replace(/.*: /, ''))).toEqual([
        'engine',
        'kernel model',
        'hashing',
        'machine',
        'validators',
        'search',
        'other',
      ]);
      const sum = shares.reduce((total, { value }) => total + value, 0);
      expect(sum).toBeCloseTo(100);
      for (const { name, value } of shares.slice(0, -1)) expect(value, name).toBeGreaterThan(0);
    },
    timeoutMilliseconds,
  );

  test(
    'measures a seeded bug beside a native run, or says why there is none',
    async () => {
      const only = '^bug (s7-early-effect|b7-stale-pointer|s13-nested|b16-wrong-operand)$';
      const args = ['--bugs', '--cap', '1', '--quick', '--only', only, '--json', '-'];
      const { status, out } = await runVerb(args);
      expect(status).toBe(0);
      const rows: Figure[] = JSON.parse(out).rows;
      const byName = new Map(rows.map((row) => [row.name.replace('bug ', ''), row]));
      expect(byName.size).toBe(4);
      for (const { name, unit, value } of rows) {
        expect(unit, name).toBe('s');
        expect(value, name).toBeGreaterThan(0);
      }
      const native = /not run natively: |native runs? failed in 1 s$|failed after \d+ native runs$/;
      expect(byName.get('s7-early-effect')?.note).toMatch(native);
      expect(byName.get('b16-wrong-operand')?.note).toMatch(/not run natively: |failed after 0 /);
      expect(byName.get('b7-stale-pointer')?.note).toMatch(/linux-6\.19$|native/);
      expect(byName.get('s13-nested')?.note).toMatch(native);
    },
    timeoutMilliseconds,
  );

  test.each([
    ['a cap of nothing', ['--cap', '5']],
    ['no cap', ['--bugs', '--cap', '0']],
    ['an unknown option', ['--bogus']],
    ['no rounds', ['--rounds', '0']],
    ['a broken pattern', ['--only', '(']],
    ['a pattern of no row', ['--only', 'no such row']],
  ])('refuses %s', async (_, args) => {
    await expect(main(args)).rejects.toMatchObject({
      name: 'UserError',
      code: 'bad-option',
      message: expect.stringMatching(/^bench: [^\n]+$/),
    });
  });
});
