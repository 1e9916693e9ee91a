import * as v from 'valibot';
import type { Decision } from '../../../kernel-model/sched/decision.ts';
import { decisionToString } from '../../machine/decisions.ts';
import { decisionList, outcomeSchema } from '../../machine/schedule-parser.ts';
import type { Finding } from '../../validate/finding.ts';
import { RULE_IDS } from '../../validate/rules/registry.ts';
import type { Interruption, PlacedInterruption, Until } from '../search/interruption.ts';
import type { Cut, Failure, FoundViolation, Tally } from '../search/tally.ts';
import type { SearchPlan } from '../search/unit.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const counts = v.array(count);

const untilSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('completion') }),
  v.strictObject({
    kind: v.literal('stop'),
    instructions: count,
    reason: v.picklist(['boundary', 'commit']),
    address: count,
  }),
]) satisfies v.GenericSchema<Until>;

/** By kind: what an interruption has besides it. */
const INTERRUPTIONS = {
  spurious: v.strictObject({ kind: v.literal('spurious') }),
  preempt: v.strictObject({ kind: v.literal('preempt'), by: count, until: untilSchema }),
  migrate: v.strictObject({ kind: v.literal('migrate'), vcpu: count }),
  fence: v.strictObject({ kind: v.literal('fence') }),
  signal: v.strictObject({ kind: v.literal('signal'), signal: count }),
  overtake: v.strictObject({ kind: v.literal('overtake'), vcpu: count, until: untilSchema }),
} as const satisfies {
  [K in Interruption['kind']]: v.GenericSchema<Extract<Interruption, { kind: K }>>;
};

const interruptionSchema = v.variant('kind', [
  INTERRUPTIONS.spurious,
  INTERRUPTIONS.preempt,
  INTERRUPTIONS.migrate,
  INTERRUPTIONS.fence,
  INTERRUPTIONS.signal,
  INTERRUPTIONS.overtake,
]);

/** An interruption with its place, as JSON holds it. */
export const placedSchema = v.strictObject({
  task: count,
  vcpu: count,
  retired: count,
  address: count,
  interruption: interruptionSchema,
} satisfies Record<keyof PlacedInterruption, v.GenericSchema>);

const failureSchema = v.strictObject({
  interruptions: v.array(placedSchema),
  decisions: decisionList,
  outcome: outcomeSchema,
  isEndless: v.boolean(),
} satisfies Record<keyof Failure, v.GenericSchema>);

const findingSchema = v.strictObject({
  rule: v.picklist(RULE_IDS),
  severity: v.picklist(['error', 'warning']),
  section: v.exactOptional(
    v.strictObject({
      descriptor: v.exactOptional(count),
      start: count,
      end: count,
      abort: v.exactOptional(count),
      name: v.string(),
    }),
  ),
  address: count,
  symbol: v.string(),
  source: v.exactOptional(v.strictObject({ file: v.string(), line: count })),
  message: v.string(),
  task: v.exactOptional(count),
  position: v.exactOptional(v.strictObject({ decision: count, instructions: count })),
} satisfies Record<keyof Finding, v.GenericSchema>);

const foundSchema = v.strictObject({
  finding: findingSchema,
  schedules: count,
  interruptions: v.array(placedSchema),
  decisions: decisionList,
} satisfies Record<keyof FoundViolation, v.GenericSchema>);

const cutCounts = {
  spin: v.exactOptional(count),
  excursion: v.exactOptional(count),
  timeout: v.exactOptional(count),
  events: v.exactOptional(count),
  unsupported: v.exactOptional(count),
} satisfies Record<Cut, unknown>;

const coverageCounts = {
  spurious: v.exactOptional(counts),
  preempt: v.exactOptional(counts),
  migrate: v.exactOptional(counts),
  fence: v.exactOptional(counts),
  signal: v.exactOptional(counts),
  overtake: v.exactOptional(counts),
} satisfies Record<Interruption['kind'], unknown>;

/** A tally as JSON holds it; decisions are words, as in a schedule. */
export const tallySchema = v.strictObject({
  schedules: count,
  distinctStates: count,
  merged: count,
  verifiedMerges: count,
  cuts: v.strictObject(cutCounts),
  coverage: v.record(v.pipe(v.string(), v.digits()), v.strictObject(coverageCounts)),
  findings: v.array(foundSchema),
  failuresIn: v.array(v.strictObject({ suspect: count, failure: failureSchema })),
  failure: v.optional(failureSchema),
  unsupported: v.optional(v.string()),
} satisfies Record<keyof Tally, v.GenericSchema>);

/** What tallySchema takes back. */
export function encodeTally(tally: Tally): object {
  const { failure, findings, failuresIn } = tally;
  return {
    ...tally,
    findings: findings.map(withWords),
    failuresIn: failuresIn.map((each) => ({ ...each, failure: withWords(each.failure) })),
    ...(failure !== undefined && { failure: withWords(failure) }),
  };
}

function withWords(schedule: { readonly decisions: readonly Decision[] }): object {
  return { ...schedule, decisions: schedule.decisions.map(decisionToString).join(' ') };
}

const position = v.pipe(v.number(), v.safeInteger());

export const unitSchema = v.strictObject({ stage: count, from: position, to: position });

export const planSchema = v.strictObject({
  units: v.array(unitSchema),
  boundaries: v.array(
    v.strictObject({
      address: count,
      places: v.array(v.picklist(['before', 'inside', 'after', 'access', 'signal'])),
    }),
  ),
  leftOut: v.array(v.strictObject({ task: count, address: count, entries: count })),
  guarantee: v.exactOptional(
    v.strictObject({
      probability: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
      depth: count,
      tasks: count,
      steps: count,
      actions: count,
    }),
  ),
} satisfies Record<keyof SearchPlan, v.GenericSchema>);
