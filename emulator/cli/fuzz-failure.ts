import type { SearchJob } from '../explore/campaign/job.ts';
import { explainFailure, type FailingRun } from '../explore/failure/explain.ts';
import { type Minimised, minimise } from '../explore/failure/minimise.ts';
import { Explorer, type SearchedProgram } from '../explore/search/explorer.ts';
import type { Failure } from '../explore/search/tally.ts';
import { ReplayStrategy } from '../explore/strategies/replay.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import { formatSchedule } from '../machine/schedule.ts';
import type { ExplainedFailure } from '../report/failure-report.ts';
import { recordSchedule } from '../report/recorded-schedule.ts';
import { parseKernel } from './options.ts';
import { writeFileOrStdout } from './output.ts';

const PLAYS_MAX = 1000;
const MINIMISING_MILLISECONDS = 10_000;
const EXPLAINING_MILLISECONDS = 10_000;

/**
 * Saves the failing schedule before anything else is done with it; then minimises it, saves what is
 * left of it in its place, and looks into it.
 */
export function concludeFailure(
  machine: Machine,
  failure: Failure,
  job: SearchJob,
  image: ProgramImage,
  scheduleFile: string,
): ExplainedFailure {
  const { args, env } = job.guest;
  const searchedOn = (vcpus: number): SearchedProgram => ({
    program: { image, args, env },
    profile: parseKernel(job.kernel),
    vcpus,
    seed: job.seed,
  });
  const open = (vcpus: number) => new Explorer(machine, searchedOn(vcpus), job.bounds);
  const save = (run: Pick<Failure, 'decisions'>, cpus: number): void =>
    saveSchedule(machine, run, searchedOn(cpus), job, scheduleFile);
  save(failure, job.cpus);
  const minimal = minimise(failure, job.cpus, open, {
    plays: PLAYS_MAX,
    isOver: deadline(MINIMISING_MILLISECONDS),
  });
  const cpus = minimal?.vcpus ?? job.cpus;
  const run = runOf(failure, minimal);
  if (minimal !== undefined) save(run, cpus);
  const isOver = deadline(EXPLAINING_MILLISECONDS);
  const explanation = explainFailure(machine, searchedOn(cpus), open(cpus), run, isOver);
  const minimised = minimal && { plays: minimal.plays, isComplete: minimal.isComplete };
  return { run, cpus, minimised, explanation, scheduleFile };
}

/** Without minimising, each interrupted task is who was taken off. */
function runOf(failure: Failure, minimal: Minimised | undefined): FailingRun {
  const { interruptions: made } = failure;
  return minimal?.play ?? { ...failure, made, turns: made };
}

function deadline(milliseconds: number): () => boolean {
  const end = performance.now() + milliseconds;
  return () => performance.now() > end;
}

/** Runs a schedule again, and saves it. */
function saveSchedule(
  machine: Machine,
  { decisions }: Pick<Failure, 'decisions'>,
  { program, profile, vcpus, seed }: SearchedProgram,
  { kernel, bounds }: SearchJob,
  scheduleFile: string,
): void {
  const maxInstructions = bounds.instructions;
  machine.boot({
    ...{ program, profile, vcpus, seed, maxInstructions },
    strategy: new ReplayStrategy(decisions),
    output: () => {},
  });
  machine.runToEnd();
  const { args, env } = program;
  const schedule = recordSchedule(machine, program.image, {
    ...{ kernel, cpus: vcpus, seed, tick: 1 },
    ...{ args, env, maxInstructions },
  });
  if (schedule !== undefined) writeFileOrStdout(scheduleFile, formatSchedule(schedule));
}
