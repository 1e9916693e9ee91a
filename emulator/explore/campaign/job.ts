import * as v from 'valibot';
import { decisionList } from '../../machine/schedule-parser.ts';
import type { SearchBounds } from '../search/bounds.ts';
import { SEARCH_STRATEGIES } from '../search/registry.ts';

export type StrategyName = keyof typeof SEARCH_STRATEGIES;

/**
 * Everything that decides what a search comes to: plain JSON, enough for a process to take part in
 * it.
 */
export interface SearchJob {
  readonly guest: {
    readonly path: string;
    readonly sha256: string;
    readonly args: readonly string[];
    readonly env: readonly string[];
  };
  /** An ELF file that brings the symbols. */
  readonly symbols?: string | undefined;
  /** What `--kernel` takes to get exactly this kernel. */
  readonly kernel: string;
  readonly cpus: number;
  readonly seed: number;
  readonly memoryLimitBytes: number;
  readonly strategy: StrategyName;
  readonly bounds: SearchBounds;
}

const CPUS_MAX = 64;
const SIGNAL_MAX = 64;
const integer = (low: number, high = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));

const signalSource = v.pipe(
  v.strictObject({ signal: integer(1, SIGNAL_MAX), task: v.optional(integer(1)) }),
  v.transform(({ signal, task }) => ({ signal, task })),
);

const boundsSchema = v.strictObject({
  preemptions: integer(0),
  entries: integer(1),
  instructions: integer(1),
  signals: v.array(signalSource),
  runs: integer(0),
  seed: integer(0),
  depth: integer(1),
  schedule: v.exactOptional(decisionList),
  suspects: v.exactOptional(
    v.array(v.strictObject({ section: integer(0), start: integer(0), end: integer(0) })),
  ),
} satisfies Record<keyof SearchBounds, v.GenericSchema>);

function isStrategyName(value: unknown): value is StrategyName {
  return typeof value === 'string' && Object.hasOwn(SEARCH_STRATEGIES, value);
}

export const jobSchema = v.strictObject({
  guest: v.strictObject({
    path: v.string(),
    sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    args: v.array(v.string()),
    env: v.array(v.string()),
  }),
  symbols: v.optional(v.string()),
  kernel: v.string(),
  cpus: integer(1, CPUS_MAX),
  seed: integer(0),
  memoryLimitBytes: integer(1),
  strategy: v.custom<StrategyName>(isStrategyName, 'no strategy has this name'),
  bounds: boundsSchema,
} satisfies Record<keyof SearchJob, v.GenericSchema>);
