import { assert } from '../../../kernel-model/assert.ts';
import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import type { PlacedInterruption } from '../search/interruption.ts';
import type { Failure } from '../search/tally.ts';
import type { DecidingPair } from './deciding.ts';
import type { Neighbour } from './neighbour.ts';
import type { TracedEvent, TracedStep } from './trace.ts';

/** Why an instruction is the one to look at first. */
export type Suspicion =
  /** The run is killed there. */
  | 'killed here'
  /** The run goes in a circle through it. */
  | 'in a circle'
  /** A section's instructions run unarmed, entered from here. */
  | 'enters a section unarmed'
  /** Wherever the section is interrupted the run fails: what comes after an abort is at fault. */
  | 'abort path'
  /** Another vCPU's task accesses what a section is using. */
  | 'remote access'
  /** From here on the task's CPU number is out of date. */
  | 'migrated here'
  /** The run fails if the task is interrupted before this instruction, and passes a little earlier. */
  | 'interrupted here'
  /** The last store of a section that was executed; nothing was interrupted. */
  | 'last commit';

/** The instruction to look at first. */
export interface Culprit {
  readonly address: number;
  readonly why: Suspicion;
}

/** What is known about a failure when its culprit is named. */
export interface Evidence {
  readonly failure: Pick<Failure, 'outcome' | 'isEndless'>;
  readonly events: readonly TracedEvent[];
  readonly made: readonly PlacedInterruption[];
  readonly neighbours: readonly Neighbour[];
  readonly pair: DecidingPair | undefined;
}

/** Names the instruction to look at first; `undefined` where nothing points to one. */
export function culpritOf(evidence: Evidence): Culprit | undefined {
  for (const rule of RULES) {
    const culprit = rule(evidence);
    if (culprit !== undefined) return culprit;
  }
  return undefined;
}

type Rule = (evidence: Evidence) => Culprit | undefined;

/** The first rule that names an instruction counts. */
const RULES: readonly Rule[] = [
  enteredUnarmed,
  onAbortPath,
  migrated,
  remoteAccess,
  killed,
  circle,
  interrupted,
  lastCommit,
];

/** The interruption whose place decides. */
function decidingOf({ made, neighbours: [nearest] }: Evidence): PlacedInterruption | undefined {
  return made[nearest?.index ?? made.length - 1];
}

/** The task was interrupted between a section's bounds with nothing armed. */
function enteredUnarmed(evidence: Evidence): Culprit | undefined {
  const deciding = decidingOf(evidence);
  if (deciding === undefined) return undefined;
  const steps = stepsOf(evidence.events, deciding.task);
  const at = steps.findIndex(({ retired }) => retired === deciding.retired);
  const region = regionsOf(evidence.events).find(
    ({ start, end }) => start !== undefined && deciding.address >= start && deciding.address < end,
  );
  if (at < 0 || region?.start === undefined || steps[at]?.inside !== undefined) return undefined;
  let entered = at;
  while (isWithin(region, steps[entered])) entered--;
  const before = steps[entered];
  return before === undefined
    ? undefined
    : { address: before.address, why: 'enters a section unarmed' };
}

/** The task was aborted, and fails so from the section's first instruction on. */
function onAbortPath({ events, made, neighbours }: Evidence): Culprit | undefined {
  const index = neighbours[0]?.index ?? made.length - 1;
  const deciding = made[index];
  const at = events.findIndex((event) => event.kind === 'interrupted' && event.placed === deciding);
  const next = events
    .slice(at + 1)
    .find((event) => 'task' in event && event.task === deciding?.task);
  if (at < 0 || next?.kind !== 'section end' || next.end !== 'aborted') return undefined;
  const { start, abort } = next.region;
  const isFirst = deciding?.address === start;
  const earlier = neighbours.find(({ moved }) => typeof moved === 'number' && moved < 0);
  if (!isFirst || abort === undefined || earlier === undefined) return undefined;
  return { address: abort, why: 'abort path' };
}

/** A task that has to be migrated for the failure goes on with what it knew of its CPU. */
function migrated({ made }: Evidence): Culprit | undefined {
  const placed = made.find(({ interruption }) => interruption.kind === 'migrate');
  return placed && { address: placed.address, why: 'migrated here' };
}

/** One side of the deciding pair is in a section, the other is not and comes from another vCPU. */
function remoteAccess({ pair }: Evidence): Culprit | undefined {
  if (pair === undefined || pair.first.vcpu === pair.second.vcpu) return undefined;
  const outside = [pair.first, pair.second].filter(({ inside }) => inside === undefined);
  const [remote] = outside;
  return outside.length === 1 && remote !== undefined
    ? { address: remote.address, why: 'remote access' }
    : undefined;
}

function killed({ failure: { outcome }, made, neighbours }: Evidence): Culprit | undefined {
  if (outcome.kind !== 'signal' || (made.length > 0 && neighbours.length > 0)) return undefined;
  return { address: outcome.address, why: 'killed here' };
}

/** Of the instructions that the run ends with, the first one of a section, else the first of all. */
function circle({ failure, events }: Evidence): Culprit | undefined {
  const { outcome } = failure;
  if (outcome.kind === 'livelock') return { address: outcome.section, why: 'in a circle' };
  const last = events.findLast((event) => event.kind === 'step');
  if (!failure.isEndless || last?.kind !== 'step') return undefined;
  const steps = stepsOf(events, last.task).slice(-CIRCLE_INSTRUCTIONS_MAX);
  const begins = steps.findLastIndex(
    ({ address }, index) => index < steps.length - 1 && address === last.address,
  );
  const loop = steps.slice(begins + 1);
  const inside = loop.find((step) => step.inside !== undefined);
  const lowest = loop.reduce((low, step) => (step.address < low.address ? step : low), last);
  return { address: (inside ?? lowest).address, why: 'in a circle' };
}

const CIRCLE_INSTRUCTIONS_MAX = 2000;

function interrupted(evidence: Evidence): Culprit | undefined {
  const deciding = decidingOf(evidence);
  return deciding && { address: deciding.address, why: 'interrupted here' };
}

function lastCommit({ events }: Evidence): Culprit | undefined {
  const at = events.findLastIndex(
    (event) => event.kind === 'section end' && event.end === 'committed',
  );
  const before = events.slice(0, Math.max(0, at)).findLast((event) => event.kind === 'step');
  if (before?.kind !== 'step') return undefined;
  return { address: before.address, why: 'last commit' };
}

function stepsOf(events: readonly TracedEvent[], task: number): TracedStep[] {
  return events.filter(
    (event): event is TracedStep => event.kind === 'step' && event.task === task,
  );
}

function regionsOf(events: readonly TracedEvent[]): ArmedRegion[] {
  const regions = new Map<number, ArmedRegion>();
  for (const event of events) {
    if (event.kind === 'step' && event.inside !== undefined) {
      regions.set(event.inside.source, event.inside);
    }
  }
  return [...regions.values()];
}

function isWithin({ start, end }: ArmedRegion, step: TracedStep | undefined): boolean {
  assert(start !== undefined, 'a section with both bounds');
  return step !== undefined && step.address >= start && step.address < end;
}
