import { inflateRawSync } from 'node:zlib';
import * as v from 'valibot';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { UserError } from '../errors.ts';
import { describeIssue } from '../schema-issue.ts';
import { decisionFromString } from './decisions.ts';
import { PRINTABLE_PREFIX, SCHEDULE_SCHEMA, type Schedule } from './schedule.ts';

const PRINTED_BYTES_MAX = 64 << 20;
const integer = (low: number, high = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));
const CPUS_MAX = 64;

/** A list of decisions as one string of words. */
export const decisionList = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }): Decision[] => {
    const decisions: Decision[] = [];
    for (const word of dataset.value === '' ? [] : dataset.value.split(' ')) {
      const decision = decisionFromString(word);
      if (decision === undefined) {
        addIssue({ message: `no decision is written ${JSON.stringify(word.slice(0, 20))}` });
        return NEVER;
      }
      decisions.push(decision);
    }
    return decisions;
  }),
);

export const outcomeSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('exit'), status: integer(0, 255) }),
  v.strictObject({
    kind: v.literal('signal'),
    signal: integer(1, 64),
    task: integer(1),
    address: integer(0),
    reason: v.string(),
  }),
  v.strictObject({
    kind: v.literal('deadlock'),
    blocked: v.array(v.strictObject({ task: integer(1), waitsFor: v.string() })),
  }),
  v.strictObject({ kind: v.literal('livelock'), task: integer(1), section: integer(0) }),
  v.strictObject({
    kind: v.literal('finding'),
    rule: v.pipe(v.string(), v.regex(/^R\d+$/)),
    task: integer(1),
    address: integer(0),
  }),
  v.strictObject({ kind: v.literal('budget'), instructions: integer(1) }),
  v.strictObject({ kind: v.literal('unsupported'), what: v.string(), address: integer(0) }),
  v.strictObject({ kind: v.literal('diverged'), detail: v.string() }),
]);

const scheduleSchema = v.strictObject({
  schema: v.strictObject({
    name: v.literal(SCHEDULE_SCHEMA.name),
    version: v.literal(SCHEDULE_SCHEMA.version),
  }),
  guest: v.strictObject({
    path: v.string(),
    sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    args: v.array(v.string()),
    env: v.array(v.string()),
  }),
  engine: v.string(),
  kernel: v.string(),
  cpus: integer(1, CPUS_MAX),
  seed: integer(0),
  tick: integer(1),
  maxInstructions: integer(1),
  memoryModel: v.literal('SC'),
  decisions: decisionList,
  outcome: outcomeSchema,
  instructions: integer(0),
  stateHash: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
});

/**
 * Reads the JSON text of a schedule. `name` is how messages call it.
 * @throws UserError `schedule-malformed` naming the first field that is wrong.
 */
export function parseSchedule(text: string, name: string): Schedule {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError('schedule-malformed', `${name}: not a schedule: not JSON`);
  }
  const result = v.safeParse(scheduleSchema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new UserError('schedule-malformed', `${name}: not a schedule: ${describeIssue(issue)}`);
}

/**
 * The schedule that `printSchedule` gave this word for.
 * @throws UserError `schedule-malformed` for any other word.
 */
export function parsePrintedSchedule(word: string): Schedule {
  const name = 'the schedule string';
  const packed = Buffer.from(word.slice(PRINTABLE_PREFIX.length), 'base64url');
  let text: string;
  try {
    text = inflateRawSync(packed, { maxOutputLength: PRINTED_BYTES_MAX }).toString('utf8');
  } catch {
    throw new UserError('schedule-malformed', `${name} is damaged or cut short`);
  }
  return parseSchedule(text, name);
}
