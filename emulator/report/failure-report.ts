import type { Culprit, Suspicion } from '../explore/failure/culprit.ts';
import type { AccessStep } from '../explore/failure/deciding.ts';
import type { Explanation, FailingRun } from '../explore/failure/explain.ts';
import type { Neighbour } from '../explore/failure/neighbour.ts';
import type { Passed } from '../explore/failure/play.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Outcome } from '../machine/outcome.ts';
import { Disassembler } from '../stepping/disassembler.ts';
import { formatInterleaving, type InterleavingLayout } from './interleaving.ts';
import { describePlaced, placeInCode } from './placed.ts';
import { describeOutcome, plural } from './summary.ts';

/** A failing schedule that was saved, minimised as far as it went, and looked into. */
export interface ExplainedFailure {
  readonly run: FailingRun;
  readonly cpus: number;
  /** Runs that minimising took; `undefined` if the interruptions alone do not make the program fail. */
  readonly minimised: { readonly plays: number; readonly isComplete: boolean } | undefined;
  readonly explanation: Explanation;
  readonly scheduleFile: string;
}

interface InstructionReport {
  readonly address: string;
  /** The symbol alone; empty where there is none. */
  readonly symbol: string;
  /** From the symbol's start, in bytes. */
  readonly offset: number;
  readonly source?: string;
}

interface AccessReport extends InstructionReport {
  readonly task: number;
  readonly vcpu: number;
  readonly instruction: string;
  readonly accesses: {
    readonly address: string;
    readonly symbol: string;
    readonly sizeBytes: number;
    readonly writes: boolean;
  };
}

/** The JSON form of a failure, key for key. */
export interface FailureReport {
  readonly outcome: Outcome;
  /** The run goes in a circle. */
  readonly endless: boolean;
  readonly cpus: number;
  /** `task 2 @ push+0x1c: preempt -> task 3 until it waits` */
  readonly interruptions: readonly string[];
  readonly minimised: ExplainedFailure['minimised'];
  /** What the guest wrote, cut to 4,000 characters. */
  readonly output: string;
  readonly scheduleFile: string;
  readonly replayCommand: string;
  /** The instruction to look at first. */
  readonly instruction?: InstructionReport & { readonly why: Suspicion };
  /** Two accesses: the run passes if the second comes before the first. */
  readonly pair?: { readonly first: AccessReport; readonly second: AccessReport };
  /** How the nearest schedule that passes differs. */
  readonly passesIf?: string;
}

const OUTPUT_CHARACTERS_MAX = 4000;

/** Collects the report of a failure. */
export function reportFailure(
  failure: ExplainedFailure,
  image: ProgramImage,
  layout: InterleavingLayout,
): FailureReport {
  const { run, cpus, minimised, explanation, scheduleFile } = failure;
  const { culprit, pair, nearest } = explanation;
  return {
    outcome: run.outcome,
    endless: run.isEndless,
    cpus,
    interruptions: run.made.map((placed) => describePlaced(placed, image)),
    minimised,
    output: explanation.output.slice(0, OUTPUT_CHARACTERS_MAX),
    scheduleFile,
    replayCommand: `npx rseq-testbed replay ${scheduleFile}`,
    ...(culprit !== undefined && {
      instruction: { ...instructionAt(culprit.address, image, layout), why: culprit.why },
    }),
    ...(pair !== undefined && {
      pair: {
        first: reportAccess(pair.first, image, layout),
        second: reportAccess(pair.second, image, layout),
      },
    }),
    ...(nearest !== undefined && { passesIf: describeNeighbour(nearest, run) }),
  };
}

function instructionAt(
  address: number,
  image: ProgramImage,
  { sourceLine }: InterleavingLayout,
): InstructionReport {
  const match = image.symbols.lookup(address);
  const source = sourceLine?.(address);
  return {
    address: `0x${address.toString(16)}`,
    symbol: match?.name ?? '',
    offset: match?.offset ?? 0,
    ...(source !== undefined && { source }),
  };
}

function reportAccess(
  step: AccessStep,
  image: ProgramImage,
  layout: InterleavingLayout,
): AccessReport {
  const { address, sizeBytes, writes } = step.access;
  return {
    task: step.task,
    vcpu: step.vcpu,
    ...instructionAt(step.address, image, layout),
    instruction: new Disassembler(image.symbols).format(step.address, step.code),
    accesses: { ...placeInCode(address, image), sizeBytes, writes },
  };
}

function describeNeighbour({ index, moved }: Neighbour, { made, turns }: FailingRun): string {
  const which = made.length === 1 ? 'the interruption' : `interruption ${index + 1}`;
  if (moved === 'dropped') return `${which} is left out`;
  const task = turns[index]?.task ?? 0;
  const [size, way] = [Math.abs(moved), moved < 0 ? 'earlier' : 'later'];
  return `${which} comes ${plural(size, 'instruction')} of task ${task} ${way}`;
}

const REASONS: Readonly<Record<Suspicion, string>> = {
  'breaks a rule': 'the instruction of the finding',
  'system call in a section': 'a section makes a system call',
  'refused descriptor': 'the kernel refuses the descriptor of the section that aborts here',
  'abort path': 'wherever its section is interrupted the run fails: the way back from an abort',
  'enters a section unarmed': 'from here a section runs that is not armed',
  'remote access': 'from another vCPU, to what a section is using',
  'relies on what was read before': 'this section takes in what was read before it began',
  'migrated before this': 'the task may not be migrated up to here',
  'killed here': 'the task is killed here',
  'in a circle': 'the run goes in a circle through it',
  'interrupted here': 'the task may not be interrupted before it',
  'last commit': 'the last commit of the run; nothing needs to be interrupted',
};

/** The text about a failure, for people. */
export function formatFailure(
  failure: ExplainedFailure,
  image: ProgramImage,
  layout: InterleavingLayout,
): string[] {
  const { run, explanation } = failure;
  const report = reportFailure(failure, image, layout);
  const { culprit } = explanation;
  const where = failure.cpus === 1 ? 'on one vCPU' : `on ${failure.cpus} vCPUs`;
  const lines = [`failure: ${describeOutcome(run.outcome, image)}, ${where}`];
  if (run.isEndless) lines.push('  the run comes back to a state of its own: it has no end');
  const output = report.output.trimEnd();
  if (output !== '') lines.push('the guest says:', ...indent(output.split('\n')));
  lines.push(describeSize(report), ...indent(report.interruptions));
  const interleaving = formatInterleaving(explanation, stopsOf(run), image, layout);
  if (interleaving.length > 0) lines.push('', ...interleaving, '');
  lines.push(...formatPair(report));
  if (culprit !== undefined) lines.push(...formatCulprit(culprit, image, layout));
  lines.push(`replay: ${report.replayCommand}`);
  return lines;
}

/** Where those who ran instead of an interrupted task were stopped for it. */
function stopsOf({ made, turns }: FailingRun): Passed[] {
  return turns.filter(({ task, retired }, index) => {
    const placed = made[index];
    return task !== placed?.task || retired !== placed.retired;
  });
}

function describeSize({ interruptions, minimised }: FailureReport): string {
  const { length } = interruptions;
  if (length === 0) return 'without any interruption';
  const how =
    minimised === undefined
      ? 'not minimised: these alone do not make it fail'
      : minimised.isComplete
        ? 'none can be left out'
        : 'minimising was cut short';
  return `${plural(length, 'interruption')} (${how}):`;
}

function formatPair({ pair, passesIf }: FailureReport): string[] {
  const lines: string[] = [];
  if (pair !== undefined) {
    const describe = (side: AccessReport): string => {
      const { symbol, writes, sizeBytes } = side.accesses;
      const what = `${writes ? 'writes' : 'reads'} ${plural(sizeBytes, 'byte')} at ${symbol}`;
      return `task ${side.task} @ ${formatPlace(side)}: ${side.instruction}  (${what})`;
    };
    lines.push('* the pair whose order decides:', `  1. ${describe(pair.first)}`);
    lines.push(`  2. ${describe(pair.second)}`, '  passes if this pair is swapped');
  }
  if (passesIf !== undefined) lines.push(`nearest schedule that passes: ${passesIf}`);
  return lines;
}

function formatPlace({ address, symbol, offset }: InstructionReport): string {
  if (symbol === '') return address;
  return offset === 0 ? symbol : `${symbol}+0x${offset.toString(16)}`;
}

function formatCulprit(
  { address, why }: Culprit,
  image: ProgramImage,
  { sourceLine }: InterleavingLayout,
): string[] {
  const source = sourceLine?.(address);
  const where = `${image.symbols.format(address)}${source === undefined ? '' : ` (${source})`}`;
  return [`look at: ${where}: ${REASONS[why]}`];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `    ${line}`);
}
