import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../errors.ts';
import { CampaignFolder } from '../explore/campaign/folder.ts';
import type { SearchJob } from '../explore/campaign/job.ts';
import type { LoadedProgram, ProgramImage } from '../loader/image.ts';
import { loadProgram } from '../loader/load.ts';
import { type FuzzOptions, JOB_VALUES } from './fuzz-options.ts';

/** A search that is ready to begin, or to go on. */
export interface PreparedSearch extends LoadedProgram {
  readonly job: SearchJob;
  readonly folder: CampaignFolder | undefined;
}

/** Loads the guest and opens the folder. @throws UserError, with no folder left open. */
export function prepareSearch(options: FuzzOptions): PreparedSearch {
  if (options.resume !== undefined) return resumeSearch(options, options.resume);
  const { file, out, settings } = options;
  if (file === undefined) throw new UserError('usage', 'fuzz needs a FILE');
  const program = loadProgram(file, { symbolsPath: settings.symbols });
  const job = jobOf(program.image, settings);
  return {
    ...program,
    job,
    folder: out === undefined ? undefined : CampaignFolder.create(out, job),
  };
}

function jobOf(
  { path, sha256 }: ProgramImage,
  { args, env, ...rest }: FuzzOptions['settings'],
): SearchJob {
  return { guest: { path, sha256, args, env }, ...rest };
}

function resumeSearch(options: FuzzOptions, path: string): PreparedSearch {
  const folder = CampaignFolder.open(path);
  try {
    const { job } = folder;
    refuseOtherSettings(options, path, job);
    const file = options.file ?? job.guest.path;
    const program = loadProgram(file, { symbolsPath: job.symbols });
    if (program.image.sha256 !== job.guest.sha256) {
      throw new UserError(
        'campaign-other-guest',
        `${file} is not the guest of the search in ${path} (its SHA-256 differs)`,
      );
    }
    // The guest may have been moved meanwhile.
    return { ...program, job: { ...job, guest: { ...job.guest, path: file } }, folder };
  } catch (error) {
    folder.close();
    throw error;
  }
}

function refuseOtherSettings({ settings, given }: FuzzOptions, path: string, job: SearchJob): void {
  const { guest, ...rest } = job;
  const known = { args: guest.args, env: guest.env, ...rest };
  for (const name of given) {
    const [asked, was] = [JOB_VALUES[name]?.(settings), JOB_VALUES[name]?.(known)];
    if (isDeepStrictEqual(asked, was)) continue;
    const option = name === '--' ? 'arguments of the guest' : `--${name}`;
    throw new UserError(
      'campaign-other-job',
      `the search in ${path} has other ${option}: ${JSON.stringify(was) ?? 'none'}`,
    );
  }
}
