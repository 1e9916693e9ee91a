import { isDeepStrictEqual } from 'node:util';
import type { PlacedInterruption } from '../search/interruption.ts';
import { addTallies, EMPTY_TALLY, isCutShort, type Tally } from '../search/tally.ts';
import { type Certificate, digestOf } from './certificate.ts';
import type { CertifiedFacts } from './facts.ts';

/** What of a certificate does not agree with the facts of its job, one line each; none if it holds. */
export function disagreements(certificate: Certificate, facts: CertifiedFacts): string[] {
  return [...CHECKS.flatMap((check) => check(certificate, facts)), ...checkDigest(certificate)];
}

type Check = (certificate: Certificate, facts: CertifiedFacts) => string[];

const CHECKS: readonly Check[] = [
  checkPlan,
  checkVerdict,
  checkFirstInterruptions,
  checkSchedules,
  checkTotal,
  checkExplored,
  checkSample,
];

function checkPlan({ boundaries, leftOut, units }: Certificate, { plan }: CertifiedFacts) {
  const problems: string[] = [];
  if (!isDeepStrictEqual(boundaries, plan.boundaries)) {
    problems.push('boundaries: those of a plain run are others');
  }
  if (!isDeepStrictEqual(leftOut, plan.leftOut)) {
    problems.push('entries left out: those of a plain run are others');
  }
  const claimed = units.map(({ stage, from, to }) => ({ stage, from, to }));
  if (!isDeepStrictEqual(claimed, plan.units)) problems.push('units: the search has others');
  return problems;
}

/** A pass has neither failure nor anything cut short. */
function checkVerdict({ units, total }: Certificate) {
  return [...units.map(({ tally }) => tally), total].some(
    (tally) => tally.failure !== undefined || tally.unsupported !== undefined || isCutShort(tally),
  )
    ? ['verdict: it is no pass']
    : [];
}

/** Each action possible at each boundary was the first of some schedule, exactly so often. */
function checkFirstInterruptions({ units }: Certificate, { groups }: CertifiedFacts) {
  return units.flatMap(({ stage, from, tally }) => {
    const group = groups.find((each) => each.from === from);
    const expected = stage === 0 ? {} : countFirst(group?.first ?? []);
    return isDeepStrictEqual(claimedFirst(tally), expected)
      ? []
      : [`unit ${stage}/${from}: interruptions made first: a recount gives others`];
  });
}

type Counts = Record<string, number>;

function countFirst(first: readonly PlacedInterruption[]): Counts {
  const counts: Counts = {};
  for (const { address, interruption } of first) {
    const key = `${address} ${interruption.kind}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

function claimedFirst({ coverage }: Tally): Counts {
  const counts: Counts = {};
  for (const [address, row] of Object.entries(coverage)) {
    for (const [kind, [first = 0]] of Object.entries(row)) {
      if (first > 0) counts[`${address} ${kind}`] = first;
    }
  }
  return counts;
}

/** What a tally counts twice must agree; a unit of one interruption has a schedule for each. */
function checkSchedules({ units }: Certificate, { groups }: CertifiedFacts) {
  return units.flatMap(({ stage, from, tally }) => {
    const single = groups.find((each) => each.from === from)?.first.length ?? 0;
    const exact = stage === 0 ? 1 : stage === 1 ? single : undefined;
    const { schedules, merged, verifiedMerges, distinctStates } = tally;
    const isRight =
      (exact === undefined || schedules === exact) &&
      merged <= schedules &&
      verifiedMerges <= merged &&
      (stage > 0 || distinctStates === 0) &&
      deepest(tally) <= stage;
    return isRight ? [] : [`unit ${stage}/${from}: its counts contradict one another`];
  });
}

/** How many interruptions the schedules of a tally have at most. */
function deepest({ coverage }: Tally): number {
  const depths = Object.values(coverage).flatMap((row) =>
    Object.values(row).map((counts) => counts.length),
  );
  return Math.max(0, ...depths);
}

function checkTotal({ units, total }: Certificate) {
  const sum = units.map(({ tally }) => tally).reduce(addTallies, EMPTY_TALLY);
  return isDeepStrictEqual(withoutGaps(sum), withoutGaps(total))
    ? []
    : ['total: it is not the sum of the units'];
}

/** As JSON has it. */
function withoutGaps(tally: Tally): unknown {
  return JSON.parse(JSON.stringify(tally));
}

function checkExplored({ units }: Certificate, { explored }: CertifiedFacts) {
  return [...explored].flatMap(([index, tally]) => {
    const unit = units[index];
    return unit !== undefined && isDeepStrictEqual(withoutGaps(unit.tally), withoutGaps(tally))
      ? []
      : [`unit ${unit?.stage}/${unit?.from}: explored again it comes to something else`];
  });
}

function checkSample({ sample }: Certificate, facts: CertifiedFacts) {
  const problems = facts.sample.flatMap(({ schedule, passes }, index) => {
    if (!passes) return [`sample ${index}: run again it fails`];
    const isSame = isDeepStrictEqual(schedule, sample[index]);
    return isSame ? [] : [`sample ${index}: run again it comes to something else`];
  });
  if (sample.length !== facts.sample.length) problems.push('sample: it is another one');
  return problems;
}

function checkDigest(certificate: Certificate) {
  return digestOf(certificate) === certificate.digest ? [] : ['digest: the content was changed'];
}
