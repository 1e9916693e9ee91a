import yargs from 'yargs';
import { UserError } from '../errors.ts';
import { emulateCommand } from './emulate.ts';
import { EXIT_OURS } from './exit-status.ts';
import { replayCommand } from './replay.ts';

const EXAMPLES = `Examples:
  rseq-testbed emulate guest/counter.bin
  rseq-testbed emulate guest/counter.bin --cpus 8 --tick 7 -- 4 1000
  rseq-testbed emulate guest/counter.bin --save-schedule run.json
  rseq-testbed replay run.json

In a clone: npm run emulate -- guest/counter.bin --cpus 8 -- 4 1000`;

/**
 * The command line. Returns the exit status; messages and help are printed.
 * @param argv the arguments after the program's name
 */
export async function main(argv: string[]): Promise<number> {
  let status = 0;
  const finish = (code: number): void => {
    status = code;
  };
  const parser = yargs(argv)
    .scriptName('rseq-testbed')
    .usage('$0 VERB\n\nRuns restartable-sequence code on emulated vCPUs under a kernel model.')
    .parserConfiguration({ 'populate--': true, 'duplicate-arguments-array': false })
    .command(emulateCommand(finish))
    .command(replayCommand(finish))
    .command('guests', 'compile the guests again (see guests --help)', {}, notReached)
    .command(
      'bench',
      'measure the engine and the machine against C (see bench --help)',
      {},
      notReached,
    )
    .demandCommand(1, 'name a verb; --help lists them')
    .strict()
    .epilogue(EXAMPLES)
    .version(false)
    .help()
    .alias('help', 'h')
    .wrap(Math.min(100, process.stdout.columns ?? 80))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UserError('usage', message);
    });
  try {
    await parser.parseAsync();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`rseq-testbed: ${error.message.replace(/\s*\n\s*/g, '; ')}\n`);
    return EXIT_OURS;
  }
  return status;
}

function notReached(): void {
  throw new UserError('usage', 'this verb is run by the rseq-testbed command of a clone');
}
