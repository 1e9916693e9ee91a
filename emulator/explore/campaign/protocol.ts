import * as v from 'valibot';
import type { Tally } from '../search/tally.ts';
import type { SearchPlan, WorkUnit } from '../search/unit.ts';
import { jobSchema, type SearchJob } from './job.ts';
import { encodeTally, planSchema, tallySchema, unitSchema } from './tally-schema.ts';

/** What the coordinator of a search says to a worker. */
export type ToWorker =
  /** Comes first: the program is loaded and a machine opened. */
  | { readonly kind: 'open'; readonly job: SearchJob; readonly libraryPath: string }
  | { readonly kind: 'plan' }
  /** One unit, up to so many schedules. */
  | {
      readonly kind: 'explore';
      readonly index: number;
      readonly unit: WorkUnit;
      readonly schedulesMax?: number | undefined;
    }
  /** Leave this unit. */
  | { readonly kind: 'stop'; readonly index: number };

/** What a worker answers. */
export type FromWorker =
  | { readonly kind: 'ready'; readonly engine: string }
  | { readonly kind: 'planned'; readonly plan: SearchPlan }
  /** Every now and then while a unit is explored; also a sign of life. */
  | { readonly kind: 'progress'; readonly schedules: number; readonly distinctStates: number }
  | {
      readonly kind: 'explored';
      readonly index: number;
      readonly tally: Tally;
      readonly end: ExplorationEnd;
    }
  /** A mistake of the user, or something that we do not model, that only the worker could see. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** A mistake of ours; the worker ends. */
  | { readonly kind: 'broken'; readonly message: string };

/**
 * How an exploration of a unit ended: it was explored whole, up to `schedulesMax`, or up to a
 * `stop`.
 */
export type ExplorationEnd = 'whole' | 'limit' | 'stopped';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const toWorkerSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('open'), job: jobSchema, libraryPath: v.string() }),
  v.strictObject({ kind: v.literal('plan') }),
  v.strictObject({
    kind: v.literal('explore'),
    index: count,
    unit: unitSchema,
    schedulesMax: v.optional(count),
  }),
  v.strictObject({ kind: v.literal('stop'), index: count }),
]) satisfies v.GenericSchema<unknown, ToWorker>;

const fromWorkerSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('ready'), engine: v.string() }),
  v.strictObject({ kind: v.literal('planned'), plan: planSchema }),
  v.strictObject({ kind: v.literal('progress'), schedules: count, distinctStates: count }),
  v.strictObject({
    kind: v.literal('explored'),
    index: count,
    tally: tallySchema,
    end: v.picklist(['whole', 'limit', 'stopped']),
  }),
  v.strictObject({ kind: v.literal('refused'), code: v.string(), message: v.string() }),
  v.strictObject({ kind: v.literal('broken'), message: v.string() }),
]) satisfies v.GenericSchema<unknown, FromWorker>;

/** The answer as JSON. */
export function encodeAnswer(answer: FromWorker): object {
  return answer.kind === 'explored' ? { ...answer, tally: encodeTally(answer.tally) } : answer;
}

/** Reads a message of the coordinator; both ends are ours, so that a wrong one is a mistake of ours. */
export function readRequest(value: unknown): ToWorker {
  return read(toWorkerSchema, value);
}

/** Reads a worker's answer. */
export function readAnswer(value: unknown): FromWorker {
  return read(fromWorkerSchema, value);
}

function read<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const where = v.getDotPath(issue) ?? 'the whole';
    throw new Error(`assertion failed: a message of the protocol: ${where}: ${issue.message}`);
  }
  return result.output;
}
