import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { ExhaustiveSearch } from '../explore/search/exhaustive.ts';
import type { PlacedInterruption } from '../explore/search/interruption.ts';
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
  const { image, args, profile, vcpus, maxInstructions } = request;
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const searching = new ExhaustiveSearch(
    machine,
    (driver) =>
      machine.boot({
        program: { image, args, env: [] },
        profile,
        vcpus,
        seed: 1,
        maxInstructions,
        strategy: driver.strategy,
        output: () => {},
      }),
    {
      preemptions: request.interruptions,
      entries: request.entries,
      schedules: Number.MAX_SAFE_INTEGER,
      instructions: maxInstructions,
    },
    () => seconds() > request.seconds,
  ).run();
  for (;;) {
    const { done, value } = searching.next();
    if (!done) continue;
    return {
      verdict: value.verdict,
      outcome: value.failure?.outcome,
      interruptions: value.failure?.interruptions ?? [],
      schedules: value.schedules,
      seconds: seconds(),
    };
  }
}
