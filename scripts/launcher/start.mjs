import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { entryFor, findBundle } from './bundle.mjs';
import { loadBundle } from './load.mjs';
import { swallowedOptionsMessage } from './swallowed.mjs';
import { endWithParent, needsWorker, runInWorker } from './worker.mjs';

/** Exit status of every failure that is ours, not the guest's. */
const ownFailure = 125;
/** Exit status when the reader of our output has gone: what a process killed by SIGPIPE shows. */
const brokenPipe = 128 + 13;

const searchWorkerVerb = 'search-worker';

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Runs one verb and ends the process with its exit status. Never throws.
 * @param {string[]} argv the arguments after the script's own name
 */
export async function start(argv) {
  process.on('uncaughtException', fail);
  // console.log() hides a broken pipe unless someone listens.
  process.stdout.on('error', fail);
  process.stderr.on('error', fail);
  endWithParent(process.env);
  process.on('beforeExit', () => failWithLine('internal error: the verb never finished'));
  try {
    const message = swallowedOptionsMessage(argv, process.env, { existsSync, readFileSync });
    if (message) {
      failWithLine(message);
      return;
    }
    if (needsWorker(argv, process.env)) {
      exit(await runInWorker(argv));
      return;
    }
    const found = await findBundle(projectRoot, process.env);
    if ('problem' in found) {
      failWithLine(found.problem);
      return;
    }
    // Children of this run (search workers) must run the code of their parent, even when a source
    // is edited meanwhile: findBundle() takes this variable first.
    process.env.RSEQ_TESTBED_BUNDLE = found.handle;
    if (argv[0] !== searchWorkerVerb) inlineMore();
    const { file, args } = entryFor(found.folder, argv);
    const { main } = loadBundle(file);
    exit(await main(args));
  } catch (error) {
    await fail(error);
  }
}

/**
 * A slice of the machine is a chain of many small functions; with V8's usual budget for inlining it
 * takes a tenth longer. Not in the workers of a search: they run several times as much code, and would
 * spend seconds on compiling it.
 */
function inlineMore() {
  setFlagsFromString('--max-inlined-bytecode-size=2000');
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=8000');
}

/**
 * Ends the process for an error that main() did not turn into a status.
 * @param {unknown} error
 */
async function fail(error) {
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') {
    process.exit(brokenPipe);
  }
  if (error instanceof Error && error.name === 'UserError') {
    failWithLine(error.message);
    return;
  }
  const { describeInternalError } = await import('./internal-error.mjs');
  process.stderr.write(describeInternalError(error));
  exit(ownFailure);
}

/** @param {string} message */
function failWithLine(message) {
  process.stderr.write(`rseq-testbed: ${message}\n`);
  exit(ownFailure);
}

/**
 * Ends the process once what was written has left it: a handle that is still open (a native thread,
 * a worker) must not keep a finished command alive.
 * @param {number} status
 */
function exit(status) {
  process.exitCode = status;
  const flushed = [process.stdout, process.stderr].map(
    (stream) => new Promise((resolve) => stream.write('', resolve)),
  );
  void Promise.all(flushed).then(() => process.exit());
}
