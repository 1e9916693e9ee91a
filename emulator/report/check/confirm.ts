import type { Evidence } from '../../explore/confirm.ts';
import type { PlacedInterruption } from '../../explore/search/interruption.ts';
import type { SearchResult } from '../../explore/search/run-search.ts';
import type { ProgramImage } from '../../loader/image.ts';
import type { FileFinding } from '../../validate/static/check-files.ts';
import { describePlaced } from '../placed.ts';
import { describeOutcome, plural } from '../summary.ts';

/** A finding in machine code with what a search says of it. */
export interface Confirmation {
  readonly finding: FileFinding;
  readonly evidence: Evidence | undefined;
  /** The schedule that shows it. */
  readonly scheduleFile: string | undefined;
}

/** What findings were put to. */
export interface ConfirmingSearch {
  readonly confirmations: readonly Confirmation[];
  readonly result: SearchResult;
  readonly image: ProgramImage;
  readonly kernel: string;
  readonly cpus: number;
  readonly preemptions: number;
  readonly seconds: number;
}

/** What the search says for people. */
export function formatConfirmations(search: ConfirmingSearch): string {
  const { confirmations, image } = search;
  const lines = [describeSearch(search)];
  for (const { finding, evidence, scheduleFile } of confirmations) {
    const { rule, symbol } = finding;
    const how =
      evidence === undefined ? notReached(search) : `confirmed: ${seen(finding, evidence, image)}`;
    lines.push(`  ${rule} at ${symbol}: ${how}`);
    if (scheduleFile !== undefined) lines.push(`    replay: ${replayOf(scheduleFile)}`);
  }
  return `${lines.join('\n')}\n`;
}

function replayOf(scheduleFile: string): string {
  return `npx rseq-testbed replay ${scheduleFile}`;
}

function isWhole({ result }: ConfirmingSearch): boolean {
  return result.verdict !== 'incomplete' && result.setAside.length === 0;
}

function describeSearch(search: ConfirmingSearch): string {
  const { result, confirmations, kernel, cpus, preemptions, seconds } = search;
  const confirmed = confirmations.filter(({ evidence }) => evidence !== undefined).length;
  const bound = `up to ${plural(preemptions, 'interruption')}`;
  const extent = isWhole(search) ? `all of ${bound}` : `stopped within ${bound}`;
  return (
    `${confirmed} of ${plural(confirmations.length, 'finding')} confirmed by a search: ` +
    `${plural(result.tally.schedules, 'schedule')} in ${seconds.toFixed(1)} s, ${extent}, ` +
    `${plural(cpus, 'vCPU')}, kernel ${kernel}`
  );
}

function notReached(search: ConfirmingSearch): string {
  return isWhole(search)
    ? 'not reached within these bounds'
    : 'not reached before the search was stopped';
}

function seen({ rule }: FileFinding, evidence: Evidence, image: ProgramImage): string {
  if (evidence.kind === 'failure') {
    const { outcome, interruptions } = evidence.failure;
    return `a schedule fails: ${describeOutcome(outcome, image)}${after(interruptions, image)}`;
  }
  const { finding, interruptions } = evidence.found;
  const as = finding.rule === rule ? '' : `in a run as ${finding.rule}: `;
  return `${as}${finding.message}${after(interruptions, image)}`;
}

function after(interruptions: readonly PlacedInterruption[], image: ProgramImage): string {
  if (interruptions.length === 0) return ', without any interruption';
  return `; ${interruptions.map((placed) => describePlaced(placed, image)).join(', then ')}`;
}

/** The same for programs. */
export function reportConfirmations(search: ConfirmingSearch) {
  const { confirmations, result, image, cpus, preemptions, seconds } = search;
  return {
    search: {
      ...{ cpus, preemptions, seconds, schedules: result.tally.schedules },
      complete: isWhole(search),
    },
    findings: confirmations.map(({ finding, evidence, scheduleFile }) => ({
      rule: finding.rule,
      symbol: finding.symbol,
      status: evidence === undefined ? ('not reached' as const) : ('confirmed' as const),
      ...(evidence !== undefined && { evidence: seen(finding, evidence, image) }),
      ...(evidence?.kind === 'finding' && { brokenRule: evidence.found.finding.rule }),
      ...(evidence?.kind === 'failure' && { outcome: evidence.failure.outcome }),
      ...(scheduleFile !== undefined && {
        scheduleFile,
        replayCommand: replayOf(scheduleFile),
      }),
    })),
  };
}
