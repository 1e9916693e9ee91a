import type { ProgramImage } from '../../emulator/loader/image.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { type SearchAnswer, searchSchedules } from '../../emulator/regress/search.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';
import { BruteForce, type Truth } from '../truth/brute-force.ts';
import { Scope } from '../truth/scope.ts';
import { imageOf, type Subject } from './subject.ts';

/** Enough for any small configuration that ends. */
const MAX_INSTRUCTIONS = 200_000;
/** So many entries of a section no small configuration has. */
const ENTRIES = 20;

/** One program as brute force and the search see it, within the same bound. */
export interface Judgement {
  readonly truth: Truth;
  readonly search: SearchAnswer;
  readonly agrees: boolean;
  /** Of brute force; the search tells its own. */
  readonly seconds: number;
}

/**
 * Judges the subject with other bytes; `searchSeconds` bounds the search alone. Where brute force stops
 * somebody late, and the search finds nothing, it is asked again, with an interruption more for that.
 */
export function judge(
  machine: Machine,
  subject: Subject,
  bytes: Uint8Array,
  searchSeconds: number,
): Judgement {
  const image: ProgramImage = imageOf(subject, bytes);
  const { args, vcpus, interruptions } = subject;
  const common = {
    ...{ image, args, vcpus, interruptions },
    ...{ profile: LINUX_6_18, signals: [], maxInstructions: MAX_INSTRUCTIONS },
  };
  const started = performance.now();
  const scope = new Scope(image);
  const truth = new BruteForce(machine, { ...common, merge: true, scope }).run();
  const seconds = (performance.now() - started) / 1000;
  const ask = (most: number): SearchAnswer =>
    searchSchedules(machine, {
      ...common,
      ...{ interruptions: most, entries: ENTRIES, seconds: searchSeconds },
    });
  const within = ask(interruptions);
  const late = lateStops(truth);
  const search = late > 0 && within.verdict === 'pass' ? ask(interruptions + late) : within;
  return { truth, search, agrees: agree(truth, search), seconds };
}

/**
 * Interruptions of the failing schedule in which somebody else is stopped on the way, maybe far on. The
 * search stops them up to and after their next section only; further on it takes another interruption,
 * of who runs instead.
 */
function lateStops({ breakage }: Truth): number {
  return (breakage?.actions ?? []).filter(({ until }) => until !== undefined).length;
}

/**
 * A run that has no end is a failure where that is seen to be so; brute force only exceeds its
 * budget.
 */
function agree(truth: Truth, { verdict, outcome }: SearchAnswer): boolean {
  const isEndless = verdict === 'fail' && outcome?.kind === 'budget';
  return truth.verdict === verdict || (truth.verdict === 'incomplete' && isEndless);
}
