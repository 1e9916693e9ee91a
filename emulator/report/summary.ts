import { signalName } from '../../kernel-model/abi/signal.ts';
import { assertNever } from '../../kernel-model/assert.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Outcome } from '../machine/outcome.ts';
import type { Interrupted, RunReport } from './run-report.ts';

const ABORT_PLACES_SHOWN = 4;

/** The short text about a run that goes to stderr, without a newline at its end. */
export function formatSummary(report: RunReport, image: ProgramImage): string {
  const { sections } = report;
  const signals = report.signals > 0 ? `, ${plural(report.signals, 'signal')}` : '';
  const inFlight = sections.inFlight > 0 ? `, ${sections.inFlight} in flight` : '';
  const lines = [
    `${report.guest.path}: ${plural(report.cpus, 'vCPU')}, kernel ${report.kernel}, ` +
      `${report.engine}, memory model: ${report.memoryModel}`,
    `  ${plural(report.tasks, 'task')}, ${plural(report.instructions, 'instruction')}, ` +
      `${plural(report.preemptions, 'preemption')}, ${plural(report.migrations, 'migration')}${signals}`,
    `  sections: ${sections.entered} entered, ${sections.committed} committed, ` +
      `${sections.aborted} aborted, ${sections.exited} exited${inFlight}`,
  ];
  if (report.abortsAt.length > 0) lines.push(`  aborted at: ${formatAborts(report)}`);
  lines.push(`  result: ${describeOutcome(report.outcome, image)}`);
  lines.push(`  state hash: ${report.stateHash}`);
  lines.push(`  again: ${report.replayCommand}`);
  return lines.join('\n');
}

function formatAborts({ abortsAt }: RunReport): string {
  const shown = abortsAt
    .slice(0, ABORT_PLACES_SHOWN)
    .map(({ symbol, count }) => `${symbol} (${count})`);
  const rest = abortsAt.length - shown.length;
  if (rest > 0) shown.push(`${plural(rest, 'other place')}`);
  return shown.join(', ');
}

/** One phrase that says how a run ended. */
export function describeOutcome(outcome: Outcome | Interrupted, image: ProgramImage): string {
  switch (outcome.kind) {
    case 'exit':
      return `exit status ${outcome.status}`;
    case 'signal': {
      const reason = outcome.reason === '' ? '' : ` (${outcome.reason})`;
      const where = image.symbols.format(outcome.address);
      return `killed by ${signalName(outcome.signal)} in task ${outcome.task} at ${where}${reason}`;
    }
    case 'deadlock': {
      const waiting = outcome.blocked.map(({ task, waitsFor }) => `task ${task} for ${waitsFor}`);
      return `deadlock: all tasks wait: ${waiting.join(', ')}`;
    }
    case 'livelock':
      return (
        `livelock: task ${outcome.task} is aborted again and again in the section ` +
        `at ${image.symbols.format(outcome.section)}`
      );
    case 'finding':
      return (
        `finding: ${outcome.rule} in task ${outcome.task} at ` +
        `${image.symbols.format(outcome.address)}`
      );
    case 'budget':
      return (
        `not finished after ${plural(outcome.instructions, 'instruction')} ` +
        '(see --max-instructions)'
      );
    case 'unsupported':
      return `not supported: ${outcome.what} at ${image.symbols.format(outcome.address)}`;
    case 'diverged':
      return `diverged from the schedule: ${outcome.detail}`;
    case 'interrupted':
      return 'interrupted';
    default:
      return assertNever(outcome);
  }
}

/** `1 task`, `2 tasks` */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
