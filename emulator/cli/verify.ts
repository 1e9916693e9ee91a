import { selectorOf } from '../../kernel-model/rseq/resolve.ts';
import { UserError } from '../errors.ts';
import { type Certificate, digestOf, readCertificate } from '../explore/certificate/certificate.ts';
import { disagreements } from '../explore/certificate/check.ts';
import { establishFacts } from '../explore/certificate/facts.ts';
import { CERTIFIED_STRATEGIES } from '../explore/certificate/issue.ts';
import { Explorer } from '../explore/search/explorer.ts';
import { loadProgram } from '../loader/load.ts';
import { openMachine } from '../machine/open.ts';
import { plural } from '../report/summary.ts';
import { readInput } from './input.ts';
import { OUTPUT_OPTIONS, parseKernel } from './options.ts';
import { checkWritable, writeFileOrStdout, writeLines } from './output.ts';
import { locateDefaultLibrary } from './session.ts';
import type { Verb } from './verb.ts';

const STATUS_HOLDS = 0;
const STATUS_DOES_NOT_HOLD = 1;
const PROBLEMS_SHOWN = 10;

/** `verify CERTIFICATE`: checks what a search claims to have covered, without searching. */
export const verifyVerb: Verb = {
  describe: 'check the certificate of a search without searching again',
  positionals: '[certificate]',
  configure: (parser) =>
    parser
      .positional('certificate', { type: 'string', describe: 'file of fuzz --certificate' })
      .options({
        guest: {
          type: 'string',
          requiresArg: true,
          describe: 'the guest, if it is no longer where the certificate says',
        },
        json: OUTPUT_OPTIONS.json,
        quiet: OUTPUT_OPTIONS.quiet,
        offline: OUTPUT_OPTIONS.offline,
      })
      .example('$0 counter.cert.json', 'after fuzz FILE --certificate counter.cert.json')
      .epilogue('Exit status: 0 it holds, 1 it does not, 125 it cannot be read.'),
  prepare: (argv) => {
    const options = readOptions(argv);
    return () => verify(options);
  },
};

type VerifyOptions = ReturnType<typeof readOptions>;

function readOptions(argv: Readonly<Record<string, unknown>>) {
  if (argv.certificate === undefined) {
    throw new UserError('usage', 'verify needs a CERTIFICATE: a file of fuzz --certificate');
  }
  const optional = (name: string): string | undefined =>
    argv[name] === undefined ? undefined : String(argv[name]);
  return {
    file: String(argv.certificate),
    guest: optional('guest'),
    json: optional('json'),
    quiet: argv.quiet === true,
    offline: argv.offline === true,
  };
}

async function verify(options: VerifyOptions): Promise<number> {
  checkWritable(options.json);
  const read = readCertificate(readInput(options.file, 'certificate-unreadable'), options.file);
  const problems =
    read.kind === 'malformed' ? [read.problem] : await problemsOf(read.certificate, options);
  const holds = problems.length === 0;
  if (options.json !== undefined) {
    const schema = { name: 'rseq-testbed/verification', version: 1 };
    writeFileOrStdout(options.json, `${JSON.stringify({ schema, holds, problems }, null, 2)}\n`);
  }
  if (!options.quiet) {
    writeLines(problems.slice(0, PROBLEMS_SHOWN).map((problem) => `does not hold: ${problem}`));
    const rest = problems.length - PROBLEMS_SHOWN;
    if (rest > 0) writeLines([`and ${plural(rest, 'other disagreement')}`]);
    if (holds && read.kind === 'certificate') writeLines([describe(read.certificate)]);
  }
  return holds ? STATUS_HOLDS : STATUS_DOES_NOT_HOLD;
}

function describe({ job, total, sample, units }: Certificate): string {
  const { bounds, guest, kernel, cpus } = job;
  return (
    `holds: ${guest.path}, ${plural(cpus, 'vCPU')}, kernel ${kernel}: up to ` +
    `${plural(bounds.preemptions, 'interruption')}, ${plural(total.schedules, 'schedule')} in ` +
    `${plural(units.length, 'unit')}; ${plural(sample.length, 'schedule')} run again`
  );
}

async function problemsOf(certificate: Certificate, options: VerifyOptions): Promise<string[]> {
  const { job } = certificate;
  const profile = kernelOf(job.kernel);
  if (profile === undefined) return [`job.kernel: there is no kernel ${job.kernel}`];
  if (!CERTIFIED_STRATEGIES.includes(job.strategy)) {
    return [`job.strategy: ${job.strategy} gives no certificates`];
  }
  const image = imageOf(options.guest ?? job.guest.path, certificate);
  if (image === undefined)
    return ['job.guest.path: the content was changed, and no such guest is there'];
  if (image.sha256 !== job.guest.sha256) {
    return [`job.guest: ${image.path} is another guest (its SHA-256 differs)`];
  }
  const { offline } = options;
  const { memoryLimitBytes, cpus: vcpus, seed, bounds } = job;
  const libraryPath = await locateDefaultLibrary({ offline });
  const machine = openMachine({ libraryPath, memoryLimitBytes });
  const program = { image, args: job.guest.args, env: job.guest.env };
  const openLogging = () => openMachine({ libraryPath, memoryLimitBytes, logReads: true });
  const searched = { program, profile, vcpus, seed, watching: { openLogging } };
  const explorer = new Explorer(machine, searched, bounds);
  return disagreements(certificate, establishFacts(explorer, job));
}

/**
 * The guest; `undefined` where there is none and the certificate was changed.
 * @throws UserError where there is none, and it was not.
 */
function imageOf(path: string, certificate: Certificate) {
  try {
    return loadProgram(path).image;
  } catch (error) {
    if (error instanceof UserError && digestOf(certificate) !== certificate.digest)
      return undefined;
    throw error;
  }
}

function kernelOf(selector: string) {
  try {
    const profile = parseKernel(selector);
    return selectorOf(profile) === selector ? profile : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
