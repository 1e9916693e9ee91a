import type { StrategyName } from '../explore/campaign/job.ts';
import type { CampaignResult, StopReason } from '../explore/campaign/search.ts';
import type { SearchBounds } from '../explore/search/bounds.ts';
import { SEARCH_STRATEGIES } from '../explore/search/registry.ts';
import type { SearchResult } from '../explore/search/run-search.ts';
import { CUTS, type Cut, type Tally } from '../explore/search/tally.ts';
import type { DrawGuarantee, LeftOutEntries } from '../explore/search/unit.ts';
import type { ProgramImage } from '../loader/image.ts';
import { type CoveredBoundary, coveredBoundaries, formatCoverage } from './coverage-table.ts';
import { type ExplainedFailure, type FailureReport, reportFailure } from './failure-report.ts';
import type { InterleavingLayout } from './interleaving.ts';
import { placeInCode } from './placed.ts';
import {
  reportSearchFindings,
  type SavedFinding,
  type SearchFindingReport,
} from './search-findings.ts';
import { plural } from './summary.ts';

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
  /** What ended an incomplete search early, if something did. */
  readonly stopped?: StopReason;
  readonly memoryModel: 'SC';
  /** `completed`: up to how many interruptions all was tried; null if not even without any. */
  readonly bound: SearchBounds & { readonly completed: number | null };
  /** Whether all schedules of the bound were tried. */
  readonly exhaustive: boolean;
  readonly schedules: number;
  readonly distinctStates: number;
  /** Schedules that came to a state from which all was explored; `verifiedMerges`: compared in full. */
  readonly merged: number;
  readonly verifiedMerges: number;
  readonly timedOut: number;
  /** Schedules that were not followed as they are, by the reason. */
  readonly cuts: Tally['cuts'];
  /** What is not modelled, if a schedule came to it. */
  readonly unsupported?: string;
  readonly seconds: number;
  /** Parts of the search that could not be explored: whoever tried crashed, each time. */
  readonly setAside: SearchResult['setAside'];
  readonly coverage: readonly CoveredBoundary[];
  /** What a strategy that draws promises of each of its schedules. */
  readonly guarantee?: DrawGuarantee;
  /** Executions beyond the bound of entries, where nothing was interrupted. */
  readonly leftOut: readonly {
    readonly task: number;
    readonly address: string;
    readonly symbol: string;
    readonly entries: number;
  }[];
  /** What validators found, each place once. */
  readonly findings: readonly SearchFindingReport[];
  readonly failure?: FailureReport;
}

/** What a report has besides the result of the search. */
export interface SearchCircumstances {
  readonly seconds: number;
  readonly explained: ExplainedFailure | undefined;
  readonly findings: readonly SavedFinding[];
  readonly layout: InterleavingLayout;
}

/** Collects the report of a search. */
export function reportSearch(
  result: SearchResult & Pick<CampaignResult, 'stopped'>,
  image: ProgramImage,
  engine: string,
  bounds: SearchBounds,
  settings: SearchSettings,
  { seconds, explained, findings, layout }: SearchCircumstances,
): SearchReport {
  const { verdict, stopped, tally, plan, completedStages } = result;
  const { isComplete, grain } = SEARCH_STRATEGIES[settings.strategy];
  const { schedules, distinctStates, merged, verifiedMerges, cuts, unsupported } = tally;
  return {
    schema: SEARCH_REPORT_SCHEMA,
    guest: { path: image.path, sha256: image.sha256 },
    engine,
    ...settings,
    verdict,
    ...(stopped !== undefined && { stopped }),
    memoryModel: 'SC',
    bound: { ...bounds, completed: isComplete && completedStages > 0 ? completedStages - 1 : null },
    exhaustive: verdict === 'pass' && isComplete,
    schedules,
    distinctStates,
    merged,
    verifiedMerges,
    timedOut: cuts.timeout ?? 0,
    cuts,
    ...(unsupported !== undefined && { unsupported }),
    seconds,
    setAside: result.setAside,
    ...(plan.guarantee !== undefined && { guarantee: plan.guarantee }),
    coverage: coveredBoundaries(plan, tally.coverage, image, grain),
    leftOut: plan.leftOut.map(({ task, address, entries }) => ({
      task,
      ...placeInCode(address, image),
      entries,
    })),
    findings: reportSearchFindings(findings, image),
    ...(explained !== undefined && { failure: reportFailure(explained, image, layout) }),
  };
}

/** The report for people, without what a failure has to tell; `findings` are lines of their own. */
export function formatSearch(report: SearchReport, findings: readonly string[]): string[] {
  const { coverage, merged, verifiedMerges, verdict } = report;
  const { grain } = SEARCH_STRATEGIES[report.strategy];
  const lines = [
    `${report.guest.path}: ${plural(report.cpus, 'vCPU')}, kernel ${report.kernel}, ` +
      `${report.engine}, memory model: ${report.memoryModel}`,
    `  ${plural(report.schedules, 'schedule')} in ${report.seconds.toFixed(1)} s ` +
      `(${report.strategy}): ${plural(report.distinctStates, 'distinct state')}, ` +
      `${merged} merged (${verifiedMerges} compared in full), ${report.timedOut} timed out`,
  ];
  if (verdict !== 'fail' && coverage.length > 0) {
    lines.push('  interruptions made, as the first / second / ... of a schedule:');
    lines.push(...formatCoverage(coverage, grain).map((line) => `    ${line}`));
  }
  lines.push(...formatCuts(report), ...formatLeftOut(report), ...formatGuarantee(report));
  for (const { unit, reasons } of report.setAside) {
    const part = `part ${unit.from} to ${unit.to} of stage ${unit.stage}`;
    lines.push(`  set aside: ${part}: ${reasons.join(', then ')}`);
  }
  lines.push(...findings.map((line) => `  ${line}`));
  return [...lines, `  verdict: ${describeVerdict(report)}`];
}

/** The verdict with what it says, and of an incomplete search why it is none; no line break. */
export function describeVerdict(report: SearchReport): string {
  const { bound, verdict, exhaustive, schedules, strategy } = report;
  const { isComplete, describeBound } = SEARCH_STRATEGIES[strategy];
  switch (verdict) {
    case 'fail':
      return 'fail';
    case 'pass':
      return exhaustive
        ? `pass, exhaustive for ${describeBound(bound)}`
        : `pass, none of ${plural(schedules, 'schedule')} fails; others were not tried`;
    case 'incomplete': {
      const { completed } = bound;
      const done =
        completed === null ? 'no bound' : describeBound({ ...bound, preemptions: completed });
      const tried = isComplete ? `complete for ${done}` : `${schedules} of ${describeBound(bound)}`;
      return `incomplete: ${reasonsOf(report).join(', ')}; ${tried}`;
    }
  }
}

const STOPS: Readonly<Record<StopReason, string>> = {
  time: 'stopped by --time',
  schedules: 'stopped by --schedules',
  interrupt: 'interrupted',
};

/** Why a search is no pass although nothing fails. */
function reasonsOf({ stopped, setAside, cuts }: SearchReport): string[] {
  const cut = (cuts.timeout ?? 0) + (cuts.events ?? 0) + (cuts.unsupported ?? 0);
  return [
    ...(stopped === undefined ? [] : [STOPS[stopped]]),
    ...(setAside.length === 0 ? [] : [`${plural(setAside.length, 'part')} set aside`]),
    ...(cut === 0 ? [] : [`${plural(cut, 'schedule')} cut short`]),
  ];
}

const CUT_REASONS: Readonly<Record<Cut, string>> = {
  spin: 'times a task was seen to spin, and others got its turn',
  excursion: 'times who ran instead was stopped at its first 2,000 instructions only',
  timeout: 'schedules exceeded --max-instructions',
  events: 'schedules exceeded 4,000 events',
  unsupported: 'schedules came to what is not modelled',
};

function formatCuts({ cuts, unsupported }: SearchReport): string[] {
  const lines = CUTS.flatMap((cut) => {
    const count = cuts[cut] ?? 0;
    return count === 0 ? [] : [`  cut: ${count} ${CUT_REASONS[cut]}`];
  });
  return unsupported === undefined ? lines : [...lines, `  not supported: ${unsupported}`];
}

/** The chance that all schedules together would have shown a bug of this depth: 1 - (1 - p)^runs. */
function formatGuarantee({ guarantee, schedules }: SearchReport): string[] {
  if (guarantee === undefined) return [];
  const { probability, depth, tasks, steps, actions } = guarantee;
  const together = 1 - (1 - probability) ** schedules;
  return [
    `  a bug of depth ${depth} shows in one schedule with a chance of at least ` +
      `${probability.toExponential(1)}, in all of these ${together.toFixed(3)} ` +
      `(${plural(tasks, 'task')}, ${plural(steps, 'step')}, ${plural(actions, 'action')})`,
  ];
}

/** One line a place: entries of all its tasks. */
function formatLeftOut({ leftOut, bound }: SearchReport): string[] {
  const byPlace = new Map<string, Pick<LeftOutEntries, 'entries'> & { tasks: number }>();
  for (const { symbol, entries } of leftOut) {
    const sum = byPlace.get(symbol) ?? { entries: 0, tasks: 0 };
    byPlace.set(symbol, { entries: sum.entries + entries, tasks: sum.tasks + 1 });
  }
  return [...byPlace].map(([symbol, { entries, tasks }]) => {
    const what = `${entries} ${entries === 1 ? 'entry' : 'entries'} at ${symbol}`;
    return (
      `  left out: ${what} by ${plural(tasks, 'task')}, each one's beyond the first ` +
      `${bound.entries}`
    );
  });
}
