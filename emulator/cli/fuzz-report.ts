import { dirname, join } from 'node:path';
import type { SearchJob } from '../explore/campaign/job.ts';
import type { CampaignResult } from '../explore/campaign/search.ts';
import { failureOf } from '../explore/search/tally.ts';
import type { ProgramImage } from '../loader/image.ts';
import { openMachine } from '../machine/open.ts';
import { formatJunit, formatTap } from '../report/ci-formats.ts';
import { formatFailure } from '../report/failure-report.ts';
import type { InterleavingLayout } from '../report/interleaving.ts';
import { formatSearchFindings } from '../report/search-findings.ts';
import {
  formatSearch,
  reportSearch,
  type SearchCircumstances,
  type SearchReport,
} from '../report/search-report.ts';
import { writeCertificate } from './certificate.ts';
import { concludeFailure, searchedBy } from './fuzz-failure.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import { type Machines, saveFindings } from './fuzz-schedules.ts';
import { writeFileOrStdout, writeLines } from './output.ts';
import { nameSourceLines } from './source-line-names.ts';

const WIDTH_WITHOUT_TERMINAL = 80;
const DEFAULT_SCHEDULE_FILE = 'failure.json';

/** Where a failing schedule goes. */
export function scheduleFileOf({ scheduleFile, out, resume }: FuzzOptions): string {
  return scheduleFile ?? join(out ?? resume ?? '', DEFAULT_SCHEDULE_FILE);
}

/** Saves the schedules of what a search found, if anything, and looks into its failure. */
function conclude(
  { tally }: CampaignResult,
  job: SearchJob,
  image: ProgramImage,
  options: FuzzOptions,
  libraryPath: string,
): Pick<SearchCircumstances, 'explained' | 'findings'> {
  const failure = failureOf(tally);
  if (failure === undefined && tally.findings.length === 0) {
    return { explained: undefined, findings: [] };
  }
  const { memoryLimitBytes } = job;
  const machines: Machines = {
    machine: openMachine({ libraryPath, memoryLimitBytes }),
    openLogging: () => openMachine({ libraryPath, memoryLimitBytes, logReads: true }),
  };
  const scheduleFile = scheduleFileOf(options);
  const concluded = failure && concludeFailure(machines, failure, job, image, scheduleFile);
  const searched = searchedBy(job, image, job.cpus);
  const failing = concluded && { findings: concluded.findings, scheduleFile };
  const fileOf = (number: number) => join(dirname(scheduleFile), `finding-${number}.json`);
  const findings = saveFindings(machines, tally, searched, job, failing, fileOf);
  return { explained: concluded?.explained, findings };
}

/** Saves the failure of a search, if there is one, and tells what the search came to. */
export async function reportFuzz(
  result: CampaignResult,
  job: SearchJob,
  image: ProgramImage,
  options: FuzzOptions,
  libraryPath: string,
  seconds: number,
): Promise<SearchReport> {
  const { explained, findings } = conclude(result, job, image, options, libraryPath);
  const layout: InterleavingLayout = {
    // A terminal that does not tell its size has 0 columns.
    width: process.stderr.columns || WIDTH_WITHOUT_TERMINAL,
    sourceLine: explained && (await nameSourceLines(image, explained.explanation.events)),
  };
  const { kernel, cpus, seed, strategy } = job;
  const report = reportSearch(
    result,
    image,
    result.engine,
    job.bounds,
    { kernel, cpus, seed, strategy },
    { seconds, explained, findings, layout },
  );
  const lines = formatSearch(report, formatSearchFindings(findings, image));
  if (explained !== undefined) lines.push(...formatFailure(explained, image, layout));
  if (!options.quiet) writeLines(lines, '');
  const { args } = job.guest;
  const { json, junit, tap, certificate } = options;
  if (json !== undefined) writeFileOrStdout(json, `${JSON.stringify(report, null, 2)}\n`);
  if (junit !== undefined) writeFileOrStdout(junit, formatJunit(report, args, lines));
  if (tap !== undefined) writeFileOrStdout(tap, formatTap(report, args, lines));
  if (certificate !== undefined)
    await writeCertificate(certificate, result, job, image, options.offline);
  return report;
}
