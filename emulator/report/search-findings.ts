import type { PlacedInterruption } from '../explore/search/interruption.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Finding } from '../validate/finding.ts';
import { describePlaced } from './placed.ts';
import { type FindingReport, formatFinding, reportFindings } from './run-findings.ts';
import { plural } from './summary.ts';

/** A finding of a search, with a schedule that shows it. */
export interface SavedFinding {
  readonly finding: Finding;
  /** In how many schedules, as far as each was followed. */
  readonly schedules: number;
  /** Of its own schedule; `undefined` where the failure's shows it. */
  readonly interruptions: readonly PlacedInterruption[] | undefined;
  readonly scheduleFile: string | undefined;
}

/** The same as JSON outputs have it; `position` is one in the schedule of that file. */
export interface SearchFindingReport extends FindingReport {
  readonly schedules: number;
  /** Absent where the schedule is the failure's. */
  readonly interruptions?: readonly string[];
  readonly scheduleFile?: string;
  readonly replayCommand?: string;
}

/** Findings of a search for programs. */
export function reportSearchFindings(
  saved: readonly SavedFinding[],
  image: ProgramImage,
): readonly SearchFindingReport[] {
  const reports = reportFindings(saved.map(({ finding }) => finding));
  return saved.flatMap(({ schedules, interruptions, scheduleFile }, index) => {
    const report = reports[index];
    if (report === undefined) return [];
    return {
      ...report,
      schedules,
      ...(interruptions !== undefined && {
        interruptions: interruptions.map((placed) => describePlaced(placed, image)),
      }),
      ...(scheduleFile !== undefined && {
        scheduleFile,
        replayCommand: `npx rseq-testbed replay ${scheduleFile}`,
      }),
    };
  });
}

/** Findings of a search for people. */
export function formatSearchFindings(
  saved: readonly SavedFinding[],
  image: ProgramImage,
): readonly string[] {
  return reportSearchFindings(saved, image).flatMap((report, index) => {
    const finding = saved[index]?.finding;
    if (finding === undefined) return [];
    const { schedules, interruptions, replayCommand } = report;
    const seen = `  in ${plural(schedules, 'schedule')}`;
    const how =
      interruptions === undefined
        ? "; the failure's is one"
        : interruptions.length === 0
          ? ', without any interruption'
          : `; the first: ${interruptions.join(', then ')}`;
    return [
      ...formatFinding(finding),
      `${seen}${how}`,
      ...(replayCommand === undefined ? [] : [`  replay: ${replayCommand}`]),
    ];
  });
}
