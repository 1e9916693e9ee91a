import { join } from 'node:path';
import type { SearchJob } from '../explore/campaign/job.ts';
import type { CampaignResult } from '../explore/campaign/search.ts';
import type { Failure } from '../explore/search/tally.ts';
import { ReplayStrategy } from '../explore/strategies/replay.ts';
import type { ProgramImage } from '../loader/image.ts';
import { formatSchedule } from '../machine/schedule.ts';
import { recordSchedule } from '../report/recorded-schedule.ts';
import { formatSearch, reportSearch, type SearchReport } from '../report/search-report.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import { parseKernel } from './options.ts';
import { writeFileOrStdout, writeLines } from './output.ts';
import { openDefaultMachine } from './session.ts';

const DEFAULT_SCHEDULE_FILE = 'failure.json';

/** Where a failing schedule goes. */
export function scheduleFileOf({ scheduleFile, out, resume }: FuzzOptions): string {
  return scheduleFile ?? join(out ?? resume ?? '', DEFAULT_SCHEDULE_FILE);
}

/** Saves the failure of a search, if there is one, and tells what the search came to. */
export async function reportFuzz(
  result: CampaignResult,
  job: SearchJob,
  image: ProgramImage,
  options: FuzzOptions,
  seconds: number,
): Promise<SearchReport> {
  const { failure } = result.tally;
  const scheduleFile = scheduleFileOf(options);
  if (failure !== undefined) await saveSchedule(failure, job, image, options, scheduleFile);
  const { kernel, cpus, seed, strategy } = job;
  const report = reportSearch(
    result,
    image,
    result.engine,
    job.bounds,
    { kernel, cpus, seed, strategy },
    { seconds, scheduleFile },
  );
  if (!options.quiet) writeLines([formatSearch(report, image)], '');
  if (options.json !== undefined) {
    writeFileOrStdout(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  return report;
}

/** Runs the failing schedule again, and saves it. */
async function saveSchedule(
  failure: Failure,
  job: SearchJob,
  image: ProgramImage,
  { offline }: FuzzOptions,
  scheduleFile: string,
): Promise<void> {
  const { kernel, cpus, seed, memoryLimitBytes, guest, bounds } = job;
  const { args, env } = guest;
  const machine = await openDefaultMachine({ offline, memoryLimitBytes });
  machine.boot({
    program: { image, args, env },
    profile: parseKernel(kernel),
    vcpus: cpus,
    seed,
    maxInstructions: bounds.instructions,
    strategy: new ReplayStrategy(failure.decisions),
    output: () => {},
  });
  machine.runToEnd();
  const maxInstructions = bounds.instructions;
  const schedule = recordSchedule(machine, image, {
    ...{ kernel, cpus, seed, tick: 1 },
    ...{ args, env, maxInstructions },
  });
  if (schedule !== undefined) writeFileOrStdout(scheduleFile, formatSchedule(schedule));
}
