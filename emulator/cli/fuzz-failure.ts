import type { SearchJob } from '../explore/campaign/job.ts';
import { explainFailure, type FailingRun } from '../explore/failure/explain.ts';
import { type Minimised, minimise } from '../explore/failure/minimise.ts';
import { Explorer, type SearchedProgram } from '../explore/search/explorer.ts';
import type { Failure } from '../explore/search/tally.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { ExplainedFailure } from '../report/failure-report.ts';
import type { Finding } from '../validate/finding.ts';
import { type Machines, saveSchedule } from './fuzz-schedules.ts';
import { parseKernel } from './options.ts';

const PLAYS_MAX = 1000;
const MINIMISING_MILLISECONDS = 10_000;
const EXPLAINING_MILLISECONDS = 10_000;

/** A failure with what validators find in the schedule that was saved. */
export interface ConcludedFailure {
  readonly explained: ExplainedFailure;
  readonly findings: readonly Finding[];
}

/** What a job searches, on so many vCPUs. */
export function searchedBy(
  { guest: { args, env }, kernel, seed }: SearchJob,
  image: ProgramImage,
  vcpus: number,
): SearchedProgram {
  return { program: { image, args, env }, profile: parseKernel(kernel), vcpus, seed };
}

/**
 * Saves the failing schedule before anything else is done with it; then minimises it, saves what is
 * left of it in its place, and looks into it.
 */
export function concludeFailure(
  machines: Machines,
  failure: Failure,
  job: SearchJob,
  image: ProgramImage,
  scheduleFile: string,
): ConcludedFailure {
  const { machine } = machines;
  // To a run that fails by itself what validators say makes no difference.
  const watching = failure.outcome.kind === 'finding' ? { watching: machines } : {};
  const open = (vcpus: number) =>
    new Explorer(machine, { ...searchedBy(job, image, vcpus), ...watching }, job.bounds);
  const save = ({ decisions }: Pick<Failure, 'decisions'>, vcpus: number) =>
    saveSchedule(machines, decisions, searchedBy(job, image, vcpus), job, scheduleFile);
  let findings = save(failure, job.cpus);
  const minimal = minimise(failure, job.cpus, open, {
    plays: PLAYS_MAX,
    isOver: deadline(MINIMISING_MILLISECONDS),
  });
  const cpus = minimal?.vcpus ?? job.cpus;
  const run = runOf(failure, minimal);
  if (minimal !== undefined) findings = save(run, cpus);
  const isOver = deadline(EXPLAINING_MILLISECONDS);
  const searched = searchedBy(job, image, cpus);
  const explanation = explainFailure(machine, searched, open(cpus), run, isOver);
  const minimised = minimal && { plays: minimal.plays, isComplete: minimal.isComplete };
  return { explained: { run, cpus, minimised, explanation, scheduleFile }, findings };
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
