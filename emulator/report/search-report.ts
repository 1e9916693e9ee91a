import { signalName } from '../../kernel-model/abi/signal.ts';
import type { StrategyName } from '../explore/campaign/job.ts';
import type { SearchBounds } from '../explore/search/bounds.ts';
import { describeInterruption, type PlacedInterruption } from '../explore/search/interruption.ts';
import type { SearchResult } from '../explore/search/run-search.ts';
import type { CoverageRow } from '../explore/search/tally.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Outcome } from '../machine/outcome.ts';
import { describeOutcome, plural } from './summary.ts';

export const SEARCH_REPORT_SCHEMA = { name: 'rseq-testbed/search', version: 1 } as const;

/** The settings of a search that its report repeats. */
export interface SearchSettings {
  readonly kernel: string;
  readonly cpus: number;
  readonly seed: number;
  readonly strategy: StrategyName;
}

/** What `fuzz` tells: the JSON output, key for key. */
export interface SearchReport extends SearchSettings {
  readonly schema: typeof SEARCH_REPORT_SCHEMA;
  readonly guest: { readonly path: string; readonly sha256: string };
  readonly engine: string;
  readonly verdict: SearchResult['verdict'];
  readonly memoryModel: 'SC';
  readonly bound: SearchBounds & { readonly completed: number };
  readonly schedules: number;
  readonly distinctStates: number;
  readonly merged: number;
  readonly timedOut: number;
  readonly seconds: number;
  /** Parts of the search that could not be explored: whoever tried crashed, each time. */
  readonly setAside: SearchResult['setAside'];
  /** Interruptions made before each instruction, by kind. */
  readonly coverage: readonly {
    readonly address: string;
    readonly symbol: string;
    readonly interruptions: CoverageRow;
  }[];
  readonly failure?: FailureReport;
}

export interface FailureReport {
  readonly outcome: Outcome;
  readonly interruptions: readonly string[];
  readonly scheduleFile: string;
  /** Where the last interruption was made. */
  readonly instruction?: {
    readonly address: string;
    readonly symbol: string;
  };
}

/** Collects the report of a search; `scheduleFile` is where its failure was saved. */
export function reportSearch(
  result: SearchResult,
  image: ProgramImage,
  engine: string,
  bounds: SearchBounds,
  settings: SearchSettings,
  run: { readonly seconds: number; readonly scheduleFile: string },
): SearchReport {
  const { verdict, tally } = result;
  const { schedules, distinctStates, merged, failure } = tally;
  const coverage = Object.entries(tally.coverage).map(([address, row]) => ({
    ...place(image, Number(address)),
    interruptions: row,
  }));
  return {
    schema: SEARCH_REPORT_SCHEMA,
    guest: { path: image.path, sha256: image.sha256 },
    engine,
    ...settings,
    verdict,
    memoryModel: 'SC',
    bound: { ...bounds, completed: Math.max(0, result.completedStages - 1) },
    schedules,
    distinctStates,
    merged,
    timedOut: tally.cuts.timeout ?? 0,
    seconds: run.seconds,
    setAside: result.setAside,
    coverage,
    ...(failure !== undefined && {
      failure: {
        outcome: failure.outcome,
        interruptions: failure.interruptions.map((each) => describePlaced(each, image)),
        scheduleFile: run.scheduleFile,
        ...instructionOf(failure.interruptions.at(-1), image),
      },
    }),
  };
}

function instructionOf(
  last: PlacedInterruption | undefined,
  image: ProgramImage,
): Pick<FailureReport, 'instruction'> {
  return last === undefined ? {} : { instruction: place(image, last.address) };
}

function place(image: ProgramImage, address: number) {
  return { address: `0x${address.toString(16)}`, symbol: image.symbols.format(address) };
}

/** `task 2 @ push+0x1c: preempt -> task 3 until it commits` */
function describePlaced({ task, address, interruption }: PlacedInterruption, image: ProgramImage) {
  const what = describeInterruption(interruption, (at) => image.symbols.format(at), signalName);
  return `task ${task} @ ${image.symbols.format(address)}: ${what}`;
}

/** The report for people. */
export function formatSearch(report: SearchReport, image: ProgramImage): string {
  const { bound, failure } = report;
  const lines = [
    `${report.guest.path}: ${plural(report.cpus, 'vCPU')}, kernel ${report.kernel}, ` +
      `${report.engine}, memory model: ${report.memoryModel}`,
    `  ${plural(report.schedules, 'schedule')} in ${report.seconds.toFixed(1)} s: ` +
      `${report.distinctStates} states, ${report.merged} merged, ${report.timedOut} timed out`,
    `  interrupted: ${plural(report.coverage.length, 'instruction')}, the first ${bound.entries} ` +
      'executions of each section and shared access by each task',
  ];
  switch (report.verdict) {
    case 'pass':
      lines.push(
        `  verdict: pass, exhaustive for up to ${plural(bound.preemptions, 'interruption')} there`,
      );
      break;
    case 'incomplete':
      lines.push(
        `  verdict: incomplete; complete for up to ${plural(bound.completed, 'interruption')}`,
      );
      break;
    case 'fail':
      lines.push(
        `  verdict: fail: ${failure === undefined ? '' : describeOutcome(failure.outcome, image)}`,
      );
      break;
  }
  for (const { unit, reasons } of report.setAside) {
    lines.push(
      `  set aside: part ${unit.from} to ${unit.to} of stage ${unit.stage}: ${reasons.join(', then ')}`,
    );
  }
  if (failure !== undefined) {
    lines.push(...failure.interruptions.map((each) => `    ${each}`));
    lines.push(`  replay: rseq-testbed replay ${failure.scheduleFile}`);
  }
  return lines.join('\n');
}
