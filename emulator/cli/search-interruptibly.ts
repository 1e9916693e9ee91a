import { type CampaignResult, type SearchOptions, search } from '../explore/campaign/search.ts';
import { ProgressLine } from './progress-line.ts';

type InterruptibleSearch = Pick<
  SearchOptions,
  'job' | 'libraryPath' | 'jobs' | 'seconds' | 'schedules' | 'folder'
> & { readonly quiet: boolean };

/** Searches in worker processes; Ctrl-C ends the search with what is known then. */
export async function searchInterruptibly({
  quiet,
  ...options
}: InterruptibleSearch): Promise<CampaignResult> {
  const { job, libraryPath, jobs, seconds, schedules, folder } = options;
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const line = new ProgressLine(process.stderr, !quiet);
  // Not once: with Ctrl-C on a terminal the signal comes twice, from there and from the launcher.
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await search({
      ...{ job, libraryPath, jobs, seconds, schedules, folder },
      signal: controller.signal,
      onProgress: (progress) => line.show(progress),
    });
  } finally {
    line.clear();
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
  }
}
