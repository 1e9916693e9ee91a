/**
 * Verbs that run an engine, which is native code, do so in a worker process: should it crash, the
 * status must not look like a guest's that was killed; should it hang, Ctrl-C must still end it.
 */
const engineVerbs = ['emulate', 'fuzz', 'replay', 'regress', 'mutate'];

/** Set in workers. */
const workerVariable = 'RSEQ_TESTBED_WORKER';

/** Ended by Ctrl-C, as a shell reports it. */
const interrupted = 130;
const ownFailure = 125;
/** How long a worker may take to finish after Ctrl-C; a second one ends it at once. */
const graceMilliseconds = 5000;

/**
 * Whether this process should leave the verb to a worker.
 * @param {readonly string[]} argv
 * @param {NodeJS.ProcessEnv} env
 */
export function needsWorker(argv, env) {
  return engineVerbs.includes(argv[0] ?? '') && env[workerVariable] === undefined;
}

/**
 * In a worker: ends this process once the one that started it has gone, however it went.
 * @param {NodeJS.ProcessEnv} env
 */
export function endWithParent(env) {
  if (env[workerVariable] === undefined) {
    return;
  }
  process.on('disconnect', () => process.exit(ownFailure));
  // It may have gone while this one was starting: nobody tells us any more.
  if (process.connected === false) process.exit(ownFailure);
  // Waiting for that keeps nobody alive.
  process.channel?.unref();
}

/**
 * Runs the same command in a worker process with our standard streams.
 * @param {string[]} argv
 * @returns {Promise<number>} the exit status
 */
export async function runInWorker(argv) {
  // A worker has no use for it, and loads faster without.
  const { fork } = await import('node:child_process');
  const [, script = ''] = process.argv;
  const worker = fork(script, argv, {
    env: { ...process.env, [workerVariable]: '1' },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  let wasInterrupted = false;
  /** @param {NodeJS.Signals} signal */
  const pass = (signal) => {
    worker.kill(wasInterrupted ? 'SIGKILL' : signal);
    wasInterrupted = true;
    setTimeout(() => worker.kill('SIGKILL'), graceMilliseconds).unref();
  };
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => pass(signal));
  }
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', (status, signal) => {
      if (status !== null) {
        resolve(status);
        return;
      }
      if (wasInterrupted) {
        process.stderr.write('rseq-testbed: interrupted\n');
        resolve(interrupted);
        return;
      }
      process.stderr.write(
        `rseq-testbed: the engine crashed (${signal}); this is no verdict on the guest\n`,
      );
      resolve(ownFailure);
    });
  });
}
