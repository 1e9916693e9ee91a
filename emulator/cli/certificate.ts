import { UserError } from '../errors.ts';
import type { SearchJob } from '../explore/campaign/job.ts';
import type { CampaignResult } from '../explore/campaign/search.ts';
import { formatCertificate } from '../explore/certificate/certificate.ts';
import { CERTIFIED_STRATEGIES, issueCertificate } from '../explore/certificate/issue.ts';
import { Explorer } from '../explore/search/explorer.ts';
import type { ProgramImage } from '../loader/image.ts';
import { openMachine } from '../machine/open.ts';
import { parseKernel } from './options.ts';
import { writeFileOrStdout, writeLines } from './output.ts';
import { locateDefaultLibrary } from './session.ts';

/** Refuses `--certificate` where none can be given. @throws UserError `usage` */
export function checkCertifiable(
  file: string | undefined,
  { strategy }: Pick<SearchJob, 'strategy'>,
): void {
  if (file === undefined || CERTIFIED_STRATEGIES.includes(strategy)) return;
  const known = CERTIFIED_STRATEGIES.join(', ');
  throw new UserError('usage', `--certificate goes with --strategy ${known}, not ${strategy}`);
}

/** Writes the certificate of a search that passed; of another one says that there is none. */
export async function writeCertificate(
  file: string,
  result: CampaignResult,
  job: SearchJob,
  image: ProgramImage,
  offline: boolean,
): Promise<void> {
  if (result.verdict !== 'pass') {
    writeLines([`no certificate: the verdict is ${result.verdict}`]);
    return;
  }
  const { memoryLimitBytes } = job;
  const libraryPath = await locateDefaultLibrary({ offline });
  const machine = openMachine({ libraryPath, memoryLimitBytes });
  const { args, env } = job.guest;
  const searched = {
    program: { image, args, env },
    profile: parseKernel(job.kernel),
    vcpus: job.cpus,
    seed: job.seed,
    watching: {
      openLogging: () => openMachine({ libraryPath, memoryLimitBytes, logReads: true }),
    },
  };
  const explorer = new Explorer(machine, searched, job.bounds);
  writeFileOrStdout(file, formatCertificate(issueCertificate(explorer, job, result)));
}
