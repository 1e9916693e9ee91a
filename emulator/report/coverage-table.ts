import type { SearchStrategy } from '../explore/search/search-strategy.ts';
import type { CoverageRow } from '../explore/search/tally.ts';
import type { SearchPlan } from '../explore/search/unit.ts';
import type { ProgramImage } from '../loader/image.ts';
import { placeInCode } from './placed.ts';

/** What was done before one instruction. */
export interface CoveredBoundary {
  readonly address: string;
  readonly symbol: string;
  /**
   * Where it lies with respect to sections; outside of them `access` is one to shared memory,
   * `signal` a system call that sends one; none for an abort handler, and for what a retry executes on
   * its way to the section.
   */
  readonly places: SearchPlan['boundaries'][number]['places'];
  /** By kind: how often it was the first interruption of a schedule, the second, and so on. */
  readonly interruptions: CoverageRow;
}

/**
 * Interrupted only between an abort and the next commit: the abort handler, and what the next try
 * executes on its way to the section.
 */
const BETWEEN_TRIES = 'abort, retry';

/** Of events: where another task took the vCPU, between two accesses. */
const BETWEEN_ACCESSES = 'between';

const KINDS = ['spurious', 'preempt', 'migrate', 'fence', 'signal', 'overtake'] as const;
const TITLES = ['spurious', 'preempt', 'migrate', 'fence', 'signal', 'other vCPU'];

/**
 * The boundaries of the plan and all others that were met, by address, with what was done there; of a
 * strategy that interrupts at events only those that were met.
 */
export function coveredBoundaries(
  plan: SearchPlan,
  coverage: Readonly<Record<string, CoverageRow>>,
  image: ProgramImage,
  grain: SearchStrategy['grain'],
): CoveredBoundary[] {
  const places = new Map(plan.boundaries.map((each) => [each.address, each.places]));
  const planned = grain === 'boundary' ? places.keys() : [];
  const addresses = new Set([...planned, ...Object.keys(coverage).map(Number)]);
  return [...addresses]
    .sort((a, b) => a - b)
    .map((address) => ({
      ...placeInCode(address, image),
      places: places.get(address) ?? [],
      interruptions: coverage[address] ?? {},
    }));
}

/** A line for each boundary, a column for each action: counts as the first / second / ... one. */
export function formatCoverage(
  boundaries: readonly CoveredBoundary[],
  grain: SearchStrategy['grain'],
): string[] {
  const elsewhere = grain === 'boundary' ? BETWEEN_TRIES : BETWEEN_ACCESSES;
  const kinds = KINDS.filter((kind) => boundaries.some(({ interruptions }) => interruptions[kind]));
  const rows = boundaries.map(({ symbol, places, interruptions }) => [
    symbol,
    places.length === 0 ? elsewhere : places.join(','),
    ...kinds.map((kind) => interruptions[kind]?.join('/') ?? '-'),
  ]);
  const header = ['before', 'where', ...kinds.map((kind) => TITLES[KINDS.indexOf(kind)] ?? kind)];
  return alignColumns([header, ...rows]);
}

const LEFT_COLUMNS = 2;

/** Cells under one another: the first two columns to the left, numbers to the right. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < LEFT_COLUMNS ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
