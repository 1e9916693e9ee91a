import type { TracedAccess, TracedEvent, TracedStep } from './trace.ts';

/** A step that accessed memory. */
export type AccessStep = TracedStep & { readonly access: TracedAccess };

/** Two accesses of different tasks to the same memory, whose order decides how the run ends. */
export interface DecidingPair {
  /** In the run that fails; in the one that passes the second comes before the first. */
  readonly first: AccessStep;
  readonly second: AccessStep;
}

/**
 * Finds the conflicting accesses that a failing and a passing run make in different order. Only what
 * each task did alike in both runs is compared. Prefers a pair that `around` takes part in.
 */
export function decidingPair(
  failing: readonly TracedEvent[],
  passing: readonly TracedEvent[],
  around: (step: TracedStep) => boolean,
): DecidingPair | undefined {
  const alike = stepsInCommon(failing, passing);
  const inFailing = accessesOf(failing, alike);
  const order = new Map(accessesOf(passing, alike).map((step, index) => [nameOf(step), index]));
  let best: { readonly pair: DecidingPair; readonly rank: number } | undefined;
  const byGranule = new Map<number, AccessStep[]>();
  for (const second of inFailing) {
    const at = order.get(nameOf(second));
    for (const granule of granulesOf(second.access)) {
      const before = byGranule.get(granule) ?? [];
      for (const first of before) {
        if (at === undefined || !isConflict(first, second)) continue;
        if ((order.get(nameOf(first)) ?? -1) <= at) continue;
        const rank = Number(around(first) || around(second)) * 2 + Number(first.access.writes);
        if (best === undefined || rank > best.rank) best = { pair: { first, second }, rank };
      }
      byGranule.set(granule, [...before.slice(-ACCESSES_KEPT), second]);
    }
  }
  return best?.pair;
}

const GRANULE_BYTES = 8;
/** Accesses to the same memory that one is compared with. */
const ACCESSES_KEPT = 64;

function isConflict(a: AccessStep, b: AccessStep): boolean {
  if (a.task === b.task || !(a.access.writes || b.access.writes)) return false;
  const [start, end] = [a.access.address, a.access.address + a.access.sizeBytes];
  return b.access.address < end && b.access.address + b.access.sizeBytes > start;
}

function granulesOf({ address, sizeBytes }: TracedAccess): readonly number[] {
  const first = Math.floor(address / GRANULE_BYTES);
  const last = Math.floor((address + Math.max(1, sizeBytes) - 1) / GRANULE_BYTES);
  return first === last ? [first] : [first, last];
}

function nameOf({ task, retired }: TracedStep): string {
  return `${task} ${retired}`;
}

function accessesOf(
  events: readonly TracedEvent[],
  alike: ReadonlyMap<number, number>,
): AccessStep[] {
  return events.filter(
    (event): event is AccessStep =>
      event.kind === 'step' &&
      event.access !== undefined &&
      event.retired < (alike.get(event.task) ?? 0),
  );
}

/** How many instructions each task executed alike in both runs, from its first on. */
function stepsInCommon(
  a: readonly TracedEvent[],
  b: readonly TracedEvent[],
): ReadonlyMap<number, number> {
  const others = stepsByTask(b);
  const common = new Map<number, number>();
  for (const [task, steps] of stepsByTask(a)) {
    const other = others.get(task) ?? [];
    const differs = steps.findIndex((step, index) => !isAlike(step, other[index]));
    const same = differs < 0 ? steps.at(-1) : steps[differs];
    common.set(task, (same?.retired ?? 0) + Number(differs < 0));
  }
  return common;
}

function isAlike(step: TracedStep, other: TracedStep | undefined): boolean {
  return (
    other !== undefined &&
    step.address === other.address &&
    step.retired === other.retired &&
    step.access?.address === other.access?.address
  );
}

function stepsByTask(events: readonly TracedEvent[]): Map<number, TracedStep[]> {
  const steps = new Map<number, TracedStep[]>();
  for (const event of events) {
    if (event.kind !== 'step') continue;
    const own = steps.get(event.task) ?? [];
    own.push(event);
    steps.set(event.task, own);
  }
  return steps;
}
