import { join } from 'node:path';
import type { SearchJob } from '../explore/campaign/job.ts';
import type { CampaignResult } from '../explore/campaign/search.ts';
import type { ProgramImage } from '../loader/image.ts';
import { formatJunit, formatTap } from '../report/ci-formats.ts';
import { formatFailure } from '../report/failure-report.ts';
import type { InterleavingLayout } from '../report/interleaving.ts';
import { formatSearch, reportSearch, type SearchReport } from '../report/search-report.ts';
import { writeCertificate } from './certificate.ts';
import { concludeFailure } from './fuzz-failure.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import { writeFileOrStdout, writeLines } from './output.ts';
import { openDefaultMachine } from './session.ts';
import { nameSourceLines } from './source-line-names.ts';

const WIDTH_WITHOUT_TERMINAL = 80;
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
  const { offline } = options;
  const { memoryLimitBytes } = job;
  const machine = failure && (await openDefaultMachine({ offline, memoryLimitBytes }));
  const explained =
    machine && concludeFailure(machine, failure, job, image, scheduleFileOf(options));
  const layout: InterleavingLayout = {
    width: process.stderr.columns ?? WIDTH_WITHOUT_TERMINAL,
    sourceLine: explained && (await nameSourceLines(image, explained.explanation.events)),
  };
  const { kernel, cpus, seed, strategy } = job;
  const report = reportSearch(
    result,
    image,
    result.engine,
    job.bounds,
    { kernel, cpus, seed, strategy },
    { seconds, explained, layout },
  );
  const lines = formatSearch(report);
  if (explained !== undefined) lines.push(...formatFailure(explained, image, layout));
  if (!options.quiet) writeLines(lines, '');
  const { args } = job.guest;
  const { json, junit, tap, certificate } = options;
  if (json !== undefined) writeFileOrStdout(json, `${JSON.stringify(report, null, 2)}\n`);
  if (junit !== undefined) writeFileOrStdout(junit, formatJunit(report, args, lines));
  if (tap !== undefined) writeFileOrStdout(tap, formatTap(report, args, lines));
  if (certificate !== undefined) await writeCertificate(certificate, result, job, image, offline);
  return report;
}
