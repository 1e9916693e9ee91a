import { isPass, type Outcome } from '../../machine/outcome.ts';
import type { Explorer } from './explorer.ts';
import type { Failure } from './tally.ts';
import type { TallyCounter } from './tally-counter.ts';

/**
 * Counts a run that has ended, or was cut, as a schedule. `isEndless`: it was seen to go in a circle.
 * Leaves a failure in the counter, unless there is one; errors of validators are counted as findings:
 * who fails by itself shows more.
 */
export function countRun(explorer: Explorer, counter: TallyCounter, isEndless = false): void {
  counter.schedules++;
  const { machine, made } = explorer;
  const { outcome } = machine;
  const looksAgain = outcome !== undefined && counter.suspect(explorer.suspicions);
  const findings = looksAgain ? explorer.lookAgain() : explorer.findings;
  for (const finding of findings) counter.find(finding, made, () => machine.decisions);
  if (outcome === undefined || isPass(outcome) || outcome.kind === 'finding') return;
  if (outcome.kind === 'unsupported') {
    counter.cut('unsupported');
    counter.unsupported ??= `${outcome.what} at 0x${outcome.address.toString(16)}`;
    return;
  }
  if (outcome.kind === 'budget' && !isEndless) {
    counter.cut('timeout');
    return;
  }
  const failure = (): Failure => {
    return { interruptions: made, decisions: machine.decisions, outcome, isEndless };
  };
  const { suspects } = explorer.bounds;
  if (suspects === undefined) counter.failure ??= failure();
  else {
    const places = [...made.map(({ address }) => address), ...placesOf(outcome)];
    suspects.forEach(({ start, end }, suspect) => {
      const isInside = (address: number) => address >= start && address < end;
      if (places.length > 0 && places.every(isInside)) counter.failIn(suspect, failure);
    });
  }
}

/** The place that an outcome itself names, where that says whose fault it is. */
function placesOf(outcome: Outcome): readonly number[] {
  return outcome.kind === 'livelock' ? [outcome.section] : [];
}
