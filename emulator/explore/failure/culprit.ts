import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import type { Outcome } from '../../machine/outcome.ts';
import type { PlacedInterruption } from '../search/interruption.ts';
import type { Failure } from '../search/tally.ts';
import type { DecidingPair } from './deciding.ts';
import type { Neighbour } from './neighbour.ts';
import type { Passed } from './play.ts';
import type { TracedEvent, TracedStep } from './trace.ts';

/** Why an instruction is the one to look at first. */
export type Suspicion =
  /** A validator says so. */
  | 'breaks a rule'
  /** A section must not make system calls. */
  | 'system call in a section'
  /** The kernel refuses the descriptor of the section that aborts there. */
  | 'refused descriptor'
  /** Wherever the section is interrupted the run fails: what comes after an abort is at fault. */
  | 'abort path'
  /** A section's instructions run unarmed, entered from here. */
  | 'enters a section unarmed'
  /** Another vCPU's task accesses, or unmaps, what a section is using. */
  | 'remote access'
  /** The section that begins here takes in what was read before it, and does not find it out of date. */
  | 'relies on what was read before'
  /** Up to here the task may not be migrated; after it, it may. */
  | 'migrated before this'
  /** The run is killed there. */
  | 'killed here'
  /** The run goes in a circle because of it. */
  | 'in a circle'
  /** The run fails if its task is interrupted before this instruction, and passes a little earlier. */
  | 'interrupted here'
  /** The last store of a section that was executed; nothing was interrupted. */
  | 'last commit';

/** The instruction to look at first. */
export interface Culprit {
  readonly address: number;
  readonly why: Suspicion;
}

/** A schedule that passes, and what happens in it. */
export interface PassingRun {
  readonly neighbour: Neighbour;
  readonly events: readonly TracedEvent[];
}

/** What is known about a failure when its culprit is named. */
export interface Evidence {
  readonly failure: Pick<Failure, 'outcome' | 'isEndless'>;
  readonly events: readonly TracedEvent[];
  readonly made: readonly PlacedInterruption[];
  /** See Play. */
  readonly turns: readonly Passed[];
  /** The nearest first. */
  readonly passing: readonly PassingRun[];
  readonly pair: DecidingPair | undefined;
}

/** Names the instruction to look at first; `undefined` where nothing points to one. */
export function culpritOf(evidence: Evidence): Culprit | undefined {
  for (const [why, rule] of RULES) {
    const address = rule(evidence);
    if (address !== undefined) return { address, why };
  }
  return undefined;
}

/** The first rule that names an instruction counts. */
const RULES: readonly (readonly [Suspicion, (evidence: Evidence) => number | undefined])[] = [
  ['breaks a rule', ({ failure: { outcome } }) => addressFound(outcome)],
  ['system call in a section', systemCallInside],
  ['refused descriptor', refusedDescriptor],
  ['abort path', abortPath],
  ['enters a section unarmed', enteredUnarmed],
  ['remote access', remoteAccess],
  ['relies on what was read before', staleInput],
  ['migrated before this', migratedBefore],
  ['killed here', killed],
  ['in a circle', circle],
  ['interrupted here', (evidence) => decidingTurn(evidence)?.address],
  ['last commit', lastCommit],
];

function addressFound(outcome: Outcome): number | undefined {
  return outcome.kind === 'finding' ? outcome.address : undefined;
}

function decidingIndex({ made, passing: [nearest] }: Evidence): number {
  return nearest?.neighbour.index ?? made.length - 1;
}

/** Who was taken off its vCPU by the interruption whose place decides, and where. */
function decidingTurn(evidence: Evidence): Passed | undefined {
  return evidence.turns[decidingIndex(evidence)];
}

function systemCallInside({ events }: Evidence): number | undefined {
  return addressOf(
    events.find((event) => event.kind === 'step' && event.inside && event.systemCall !== undefined),
  );
}

function addressOf(event: TracedEvent | undefined): number | undefined {
  return event?.kind === 'step' ? event.address : undefined;
}

function refusedDescriptor(evidence: Evidence): number | undefined {
  const { outcome } = evidence.failure;
  if (outcome.kind !== 'signal' || !outcome.reason.startsWith('rseq')) return undefined;
  return regionAround(evidence, outcome.address)?.abort;
}

function abortPath(evidence: Evidence): number | undefined {
  const { events, passing } = evidence;
  const turn = decidingTurn(evidence);
  const at = events.findIndex(
    (event) =>
      event.kind === 'section end' &&
      event.end === 'aborted' &&
      event.task === turn?.task &&
      event.region.start === turn.address,
  );
  const end = events[at];
  const isEarliest = passing.some(({ neighbour: { moved } }) => moved === -1);
  return isEarliest && end?.kind === 'section end' ? end.region.abort : undefined;
}

/** The task was interrupted between a section's bounds with nothing armed. */
function enteredUnarmed(evidence: Evidence): number | undefined {
  const turn = decidingTurn(evidence);
  const region = turn && regionAround(evidence, turn.address);
  if (turn === undefined || region === undefined) return undefined;
  const steps = stepsOf(evidence.events, turn.task);
  let at = steps.findIndex(({ retired }) => retired === turn.retired);
  const step = steps[at];
  const isAborted = step?.address !== turn.address;
  if (isAborted || step.inside !== undefined) return undefined;
  while (isWithin(region, steps[at]?.address)) at--;
  return steps[at]?.address;
}

/** One side of the deciding pair is in a section, the other is not and comes from another vCPU. */
function remoteAccess(evidence: Evidence): number | undefined {
  const { pair } = evidence;
  if (pair === undefined) return remoteSystemCall(evidence);
  if (pair.first.vcpu === pair.second.vcpu) return undefined;
  const [remote, other] = [pair.first, pair.second].filter(({ inside }) => inside === undefined);
  return other === undefined ? remote?.address : undefined;
}

/** mmap, mprotect, munmap, brk, mremap, madvise. */
const MEMORY_CALLS: ReadonlySet<number> = new Set([9, 10, 11, 12, 25, 28]);

/** Another vCPU's task changed its memory map while a task was held up in its section. */
function remoteSystemCall(evidence: Evidence): number | undefined {
  const { events } = evidence;
  const turn = decidingTurn(evidence);
  const isOfTurn = (event: TracedEvent) => event.kind === 'step' && event.task === turn?.task;
  const back = events.findIndex(
    (event) => isOfTurn(event) && event.kind === 'step' && event.retired === turn?.retired,
  );
  const next = events[back];
  if (next?.kind !== 'step' || next.inside === undefined) return undefined;
  const held = events.slice(events.slice(0, back).findLastIndex(isOfTurn) + 1, back);
  return addressOf(
    held.find(
      (event) =>
        event.kind === 'step' &&
        event.vcpu !== next.vcpu &&
        MEMORY_CALLS.has(event.systemCall ?? -1),
    ),
  );
}

/** A task must not be interrupted from somewhere outside a section up to the section's start. */
function staleInput({ turns, passing }: Evidence): number | undefined {
  for (const { neighbour, events } of passing) {
    const turn = turns[neighbour.index];
    if (turn === undefined || !(Number(neighbour.moved) > 0)) continue;
    const safe = neighbour.play.turns[neighbour.index]?.address;
    if (safe !== undefined && isSectionStart(events, safe)) return safe;
  }
  return undefined;
}

/** The last instruction before which the migration still does harm. */
function migratedBefore({ made, turns, passing }: Evidence): number | undefined {
  const index = made.findIndex(({ interruption }) => interruption.kind === 'migrate');
  const turn = turns[index];
  if (turn === undefined) return undefined;
  for (const { neighbour, events } of passing) {
    if (neighbour.index !== index || !(Number(neighbour.moved) > 0)) continue;
    const retired = turn.retired + Number(neighbour.moved) - 1;
    const sealed = stepsOf(events, turn.task).find((step) => step.retired === retired);
    if (sealed !== undefined) return sealed.address;
  }
  return turn.address;
}

function killed({ failure: { outcome }, passing }: Evidence): number | undefined {
  return outcome.kind === 'signal' && passing.length === 0 ? outcome.address : undefined;
}

/** The first conditional jump that is taken of those that the run ends with. */
function circle({ failure, events }: Evidence): number | undefined {
  const { outcome } = failure;
  if (outcome.kind === 'livelock') return outcome.section;
  const last = events.findLast((event) => event.kind === 'step');
  if (!failure.isEndless || last?.kind !== 'step') return undefined;
  const steps = stepsOf(events, last.task).slice(-CIRCLE_INSTRUCTIONS_MAX);
  const loop = steps.slice(
    1 +
      steps.findLastIndex(
        ({ address }, index) => index < steps.length - 1 && address === last.address,
      ),
  );
  const taken = loop.find((step, index) => isTaken(step, loop[index + 1]));
  return (taken ?? loop[0])?.address;
}

const CIRCLE_INSTRUCTIONS_MAX = 2000;

/** Whether a conditional jump is followed by anything but the next instruction. */
function isTaken(
  { address, code: [first = 0, second = 0] }: TracedStep,
  next?: TracedStep,
): boolean {
  if (next === undefined) return false;
  if (first >= 0x70 && first <= 0x7f) return next.address !== address + 2;
  return first === 0x0f && second >= 0x80 && second <= 0x8f && next.address !== address + 6;
}

function lastCommit({ events }: Evidence): number | undefined {
  const at = events.findLastIndex(
    (event) => event.kind === 'section end' && event.end === 'committed',
  );
  return addressOf(events.slice(0, Math.max(0, at)).findLast((event) => event.kind === 'step'));
}

function stepsOf(events: readonly TracedEvent[], task: number): TracedStep[] {
  return events.filter(
    (event): event is TracedStep => event.kind === 'step' && event.task === task,
  );
}

/** The section with both bounds that holds an address, of those that some task armed in some run. */
function regionAround({ events, passing }: Evidence, address: number): ArmedRegion | undefined {
  for (const run of [events, ...passing.map((each) => each.events)]) {
    for (const event of run) {
      const region = event.kind === 'step' ? event.inside : undefined;
      if (region?.start !== undefined && isWithin(region, address)) return region;
    }
  }
  return undefined;
}

function isSectionStart(events: readonly TracedEvent[], address: number): boolean {
  return events.some((event) => event.kind === 'step' && event.inside?.start === address);
}

function isWithin({ start = 0, end }: ArmedRegion, address: number | undefined): boolean {
  return address !== undefined && address >= start && address < end;
}
