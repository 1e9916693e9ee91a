import type { SearchReport } from '../report/search-report.ts';
import { checkCertifiable } from './certificate.ts';
import { prepareSearch } from './fuzz-job.ts';
import { FUZZ_OPTIONS, type FuzzOptions, readFuzzOptions } from './fuzz-options.ts';
import { reportFuzz, scheduleFileOf } from './fuzz-report.ts';
import { checkOutputs, checkWritable, writeLines } from './output.ts';
import { searchInterruptibly } from './search-interruptibly.ts';
import { locateDefaultLibrary } from './session.ts';
import type { Verb } from './verb.ts';

const SECOND = 1000;
const EXIT_STATUS: Readonly<Record<SearchReport['verdict'], number>> = {
  pass: 0,
  fail: 1,
  incomplete: 3,
};

/** `fuzz FILE [-- guest args]`: search the schedules of a guest for one that breaks it. */
export const fuzzVerb: Verb = {
  describe: 'search the schedules of a guest for one that breaks it',
  positionals: '[file]',
  lists: ['env', 'signal'],
  configure: (parser) =>
    parser
      .positional('file', { type: 'string', describe: 'static ELF64 executable or flat .bin' })
      .options(FUZZ_OPTIONS)
      .example('$0 guest/counter.bin --cpus 1 -- 2 3', 'two tasks on one vCPU')
      .example('$0 guest/counter.bin --preemptions 1 --json report.json', 'for another program')
      .example('$0 guest/counter.bin --preemptions 3 --out night', 'long; Ctrl-C loses nothing')
      .example('$0 --resume night --time 3600', 'go on with it, for an hour')
      .epilogue(
        'Exit status: 0 all schedules of the bound pass, 1 one fails, 3 stopped before the ' +
          'bound, 125 trouble.',
      ),
  prepare: (argv) => {
    const options = readFuzzOptions(argv);
    return () => fuzz(options);
  },
};

async function fuzz(options: FuzzOptions): Promise<number> {
  const { json, junit, tap, certificate, scheduleFile, settings } = options;
  checkOutputs({ json, junit, tap, certificate, 'save-schedule': scheduleFile });
  checkCertifiable(certificate, settings);
  const libraryPath = await locateDefaultLibrary(options);
  const { job, image, warnings, folder } = prepareSearch(options);
  try {
    checkWritable(scheduleFileOf(options));
    // A search that goes on has a strategy of its own.
    checkCertifiable(certificate, job);
    if (!options.quiet) writeLines(warnings);
    const startedAt = performance.now();
    const result = await searchInterruptibly({ ...options, job, folder, libraryPath });
    const seconds = (performance.now() - startedAt) / SECOND;
    const report = await reportFuzz(result, job, image, options, libraryPath, seconds);
    return EXIT_STATUS[report.verdict];
  } finally {
    folder?.close();
  }
}
