import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { Explorer, type Watching } from '../explore/search/explorer.ts';
import type { PlacedInterruption } from '../explore/search/interruption.ts';
import { SEARCH_STRATEGIES } from '../explore/search/registry.ts';
import { runSearch } from '../explore/search/run-search.ts';
import { failureOf } from '../explore/search/tally.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../machine/outcome.ts';

/** What is searched, and how far. */
export interface SearchRequest {
  readonly image: ProgramImage;
  readonly args: readonly string[];
  readonly profile: KernelProfile;
  readonly vcpus: number;
  /** Signals that may come from outside, by number. */
  readonly signals: readonly number[];
  /** Interruptions of one schedule, at most. */
  readonly interruptions: number;
  /** Dynamic entries of each section by each task that are interrupted. */
  readonly entries: number;
  /** Instructions of one schedule, at most. */
  readonly maxInstructions: number;
  /** The search is given up after so many seconds. */
  readonly seconds: number;
  /** Given where validators are to watch. */
  readonly watching?: Watching;
}

/** What the search says. */
export interface SearchAnswer {
  readonly verdict: 'pass' | 'fail' | 'incomplete';
  readonly outcome: Outcome | undefined;
  /** The interruptions of the failing schedule. */
  readonly interruptions: readonly PlacedInterruption[];
  readonly schedules: number;
  readonly seconds: number;
}

/** Searches the schedules of a program as `fuzz` does, to its end. */
export function searchSchedules(machine: Machine, request: SearchRequest): SearchAnswer {
  const { image, args, profile, vcpus, maxInstructions, watching } = request;
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const explorer = new Explorer(
    machine,
    {
      ...{ program: { image, args, env: [] }, profile, vcpus, seed: 1 },
      ...(watching !== undefined && { watching }),
    },
    {
      preemptions: request.interruptions,
      entries: request.entries,
      instructions: maxInstructions,
      signals: request.signals.map((signal) => ({ signal, task: undefined })),
      runs: 0,
      seed: 1,
      depth: 1,
    },
  );
  const search = SEARCH_STRATEGIES.exhaustive.open(explorer);
  const searching = runSearch(search, () => seconds() > request.seconds);
  for (;;) {
    const { done, value } = searching.next();
    if (!done) continue;
    const { schedules } = value.tally;
    const failure = failureOf(value.tally);
    return {
      verdict: value.verdict,
      outcome: failure?.outcome,
      interruptions: failure?.interruptions ?? [],
      schedules,
      seconds: seconds(),
    };
  }
}
