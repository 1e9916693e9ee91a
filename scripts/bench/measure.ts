import type { Reference } from './reference.ts';

/** Runs a loop so many times and returns the nanoseconds it took. */
export type Timed = (iterations: number) => number | Promise<number>;

/** Both sides of a row, ready to be timed. */
export interface Prepared {
  readonly ours: Timed;
  /** The same loop in the C program; absent where there is no C program or nothing to compare. */
  readonly reference?: Timed | undefined;
  /** What is to be said beside the figure, once it was measured. */
  readonly note?: () => string;
}

/** What rows measure with. */
export interface Tools {
  readonly libraryPath: string;
  /** Absent without a C compiler. */
  readonly reference: Reference | undefined;
  readonly projectRoot: string;
  /** Where compiled programs are kept. */
  readonly cacheDir: string;
}

/** One figure of the bench, the time of a loop. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  /** The figure, from the time of one iteration in nanoseconds. */
  readonly value: (iterationNs: number) => number;
  /** Rounds are one iteration each: the work is long and starts processes. */
  readonly isSingle?: boolean;
  /** Rounds at most, for work that is long. */
  readonly roundsMax?: number;
  readonly prepare: (tools: Tools, effort: Effort) => Promise<Prepared>;
}

/** Figures that are not the time of a loop. */
export interface OwnRow {
  readonly name: string;
  readonly figures: (tools: Tools, effort: Effort) => Promise<readonly Figure[]>;
}

/** How long to measure. */
export interface Effort {
  /** Shows that everything works: the work is small too, where it is long. */
  readonly isQuick: boolean;
  readonly rounds: number;
  /** Time of one side of one round. */
  readonly roundMs: number;
  /** Time for the just-in-time compiler, before anything counts. */
  readonly warmUpMs: number;
}

/** A row as it is reported; `ratio` is how many times as long as C it takes. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly reference?: number;
  readonly ratio?: number;
  readonly note?: string;
}

const NS_PER_MS = 1e6;

/** The middle of the values, which must not be empty. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  const high = sorted[sorted.length >> 1] ?? Number.NaN;
  return (low + high) / 2;
}

/**
 * Measures a row. The sides take turns, round by round, so that whatever else the host does meets
 * both; the ratio is the median of the rounds' own ratios.
 */
export async function measure(row: Row, prepared: Prepared, effort: Effort): Promise<Figure> {
  const { ours, reference } = prepared;
  const iterations = row.isSingle === true ? 1 : await warmUp(prepared, effort);
  const rounds = Math.min(effort.rounds, row.roundsMax ?? effort.rounds);
  const oursNs: number[] = [];
  const referenceNs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    oursNs.push((await ours(iterations)) / iterations);
    if (reference !== undefined) referenceNs.push((await reference(iterations)) / iterations);
  }
  const figure = {
    ...{ name: row.name, unit: row.unit, value: row.value(median(oursNs)) },
    ...(prepared.note !== undefined && { note: prepared.note() }),
  };
  if (referenceNs.length === 0) return figure;
  const ratios = oursNs.map((ns, round) => ns / (referenceNs[round] ?? Number.NaN));
  return { ...figure, reference: row.value(median(referenceNs)), ratio: median(ratios) };
}

/** Runs both sides until they are warm; returns how many iterations of ours fill a round. */
async function warmUp({ ours, reference }: Prepared, effort: Effort): Promise<number> {
  let iterations = 1;
  let spentMs = 0;
  let iterationMs = 0;
  while (spentMs < effort.warmUpMs) {
    const ms = (await ours(iterations)) / NS_PER_MS;
    spentMs += ms;
    iterationMs = ms / iterations;
    if (ms < effort.roundMs) iterations *= 2;
  }
  const count = Math.max(1, Math.round(effort.roundMs / iterationMs));
  await reference?.(count);
  return count;
}

/** Times a synchronous loop body. */
export function timed(body: (iterations: number) => void): Timed {
  return (iterations) => {
    const start = process.hrtime.bigint();
    body(iterations);
    return Number(process.hrtime.bigint() - start);
  };
}
