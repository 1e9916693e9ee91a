import type { Decision } from '../../kernel-model/sched/decision.ts';
import type { SearchJob } from '../explore/campaign/job.ts';
import { bootOrdered } from '../explore/ordered-run.ts';
import { Rehearsal } from '../explore/rehearsal.ts';
import type { SearchedProgram } from '../explore/search/explorer.ts';
import { nameOfFinding, type Tally } from '../explore/search/tally.ts';
import { ReplayStrategy } from '../explore/strategies/replay.ts';
import type { Machine } from '../machine/machine.ts';
import { isPass } from '../machine/outcome.ts';
import { formatSchedule } from '../machine/schedule.ts';
import { recordSchedule } from '../report/recorded-schedule.ts';
import type { SavedFinding } from '../report/search-findings.ts';
import { RunValidators } from '../validate/dynamic/run-validators.ts';
import type { Finding } from '../validate/finding.ts';
import { outcomeOfFindings } from '../validate/verdict.ts';
import { writeFileOrStdout } from './output.ts';

/** Machines to run schedules on. */
export interface Machines {
  readonly machine: Machine;
  /** Opens one that logs loads. */
  readonly openLogging: () => Machine;
}

/** Runs a schedule again as `replay` does, saves it, and returns what validators find in it. */
export function saveSchedule(
  { machine, openLogging }: Machines,
  decisions: readonly Decision[],
  searched: SearchedProgram,
  { kernel, bounds }: SearchJob,
  scheduleFile: string,
): readonly Finding[] {
  const { program, profile, vcpus, seed } = searched;
  const maxInstructions = bounds.instructions;
  const watcher = new RunValidators(machine, program.image, profile);
  machine.boot({
    ...{ program, profile, vcpus, seed, maxInstructions, watcher },
    strategy: new ReplayStrategy(decisions),
    output: () => {},
  });
  const ended = machine.runToEnd();
  let { findings } = watcher;
  if (watcher.isSuspicious) {
    const again = openLogging();
    const made = { program, profile, vcpus, seed, maxInstructions, decisions };
    const { validators, ordering } = bootOrdered(again, made);
    again.runToEnd();
    const { findings: known } = validators;
    const rehearsal = new Rehearsal(again, { ...made, overlaps: ordering.overlaps, known });
    while (rehearsal.step() === undefined);
    findings = [...known, ...rehearsal.findings];
  }
  const { args, env } = program;
  const schedule = recordSchedule(machine, program.image, {
    ...{ kernel, cpus: vcpus, seed, tick: 1, args, env, maxInstructions },
    outcome: isPass(ended) ? (outcomeOfFindings(findings) ?? ended) : ended,
  });
  if (schedule !== undefined) writeFileOrStdout(scheduleFile, formatSchedule(schedule));
  return findings;
}

/** Of more findings only the first schedules are saved. */
const SAVED_MAX = 32;

/**
 * Saves a schedule for each finding of a search; those that `failing`, the schedule that was saved as
 * the failure, shows as well need none of their own.
 */
export function saveFindings(
  machines: Machines,
  { findings }: Tally,
  searched: SearchedProgram,
  job: SearchJob,
  failing: { readonly findings: readonly Finding[]; readonly scheduleFile: string } | undefined,
  fileOf: (number: number) => string,
): readonly SavedFinding[] {
  const shown = new Map(failing?.findings.map((finding) => [nameOfFinding(finding), finding]));
  let saved = 0;
  return findings.map(({ finding, schedules, interruptions, decisions }): SavedFinding => {
    const again = shown.get(nameOfFinding(finding));
    if (again !== undefined && failing !== undefined) {
      const { scheduleFile } = failing;
      return { finding: again, schedules, interruptions: undefined, scheduleFile };
    }
    if (saved === SAVED_MAX) return { finding, schedules, interruptions, scheduleFile: undefined };
    const scheduleFile = fileOf(++saved);
    saveSchedule(machines, decisions, searched, job, scheduleFile);
    return { finding, schedules, interruptions, scheduleFile };
  });
}
