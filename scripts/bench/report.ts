import { cpus, loadavg, release, totalmem } from 'node:os';
import type { Figure } from './measure.ts';

export const BENCH_SCHEMA = { name: 'rseq-testbed/bench', version: 1 } as const;

/** What the figures depend on beside the code. */
export interface MachineFacts {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly engine: string;
  /** Absent where there was no C program to compare with. */
  readonly compiler?: string;
  /** Before the bench: other work makes figures noisy, ratios less so. */
  readonly loadAverage: number;
}

/** The JSON of `bench --json`. */
export interface BenchReport {
  readonly schema: typeof BENCH_SCHEMA;
  readonly machine: MachineFacts;
  readonly rounds: number;
  readonly rows: readonly Figure[];
}

export function machineFacts(engine: string, compiler: string | undefined): MachineFacts {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryBytes: totalmem(),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
    engine,
    ...(compiler !== undefined && { compiler }),
    loadAverage: loadavg()[0] ?? 0,
  };
}

const SIGNIFICANT_DIGITS = 3;
/** Name, unit and note are to the left. */
const TEXT_COLUMNS: ReadonlySet<number> = new Set([0, 1, 5]);

/** 3 significant digits, without an exponent. */
function formatNumber(value: number): string {
  const digits = SIGNIFICANT_DIGITS - 1 - Math.floor(Math.log10(Math.abs(value) || 1));
  return value.toFixed(Math.max(0, digits));
}

/** The figures as text, one line a row. */
export function formatTable(figures: readonly Figure[]): string {
  const header = ['', 'unit', 'rseq-testbed', 'C', 'time / C', ''];
  const lines = figures.map(({ name, unit, value, reference, ratio, note }) => [
    name,
    unit,
    formatNumber(value),
    reference === undefined ? '' : formatNumber(reference),
    ratio === undefined ? '' : ratio.toFixed(2),
    note ?? '',
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return TEXT_COLUMNS.has(column) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return `${[header, ...lines].map(format).join('\n')}\n`;
}
