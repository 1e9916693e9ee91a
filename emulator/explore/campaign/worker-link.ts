import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ToWorker } from './protocol.ts';

/** A worker process as its coordinator sees it. */
export interface WorkerLink {
  readonly pid: number | undefined;
  /** Messages to a worker that has ended are lost: `onExit` tells. */
  send(message: ToWorker): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

/** What a worker process tells. */
export interface WorkerEvents {
  onMessage(message: unknown): void;
  /** `reason` is the signal or the exit status: `SIGSEGV`, `exit status 1`. */
  onExit(reason: string): void;
}

export type StartWorker = (events: WorkerEvents) => WorkerLink;

const WORKER_VERB = 'search-worker';

/**
 * What starts a worker, the command of this very package with IPC, which may use helper threads (for the
 * collector and the compiler) or must do all by itself, because every processor has a worker.
 */
export function forkWorker(hasHelperThreads: boolean): StartWorker {
  return (events) => startWorker(events, hasHelperThreads ? [] : ['--single-threaded']);
}

function startWorker({ onMessage, onExit }: WorkerEvents, execArgv: readonly string[]): WorkerLink {
  const packageFile = createRequire(import.meta.url).resolve('rseq-testbed/package.json');
  const launcher = join(dirname(packageFile), 'scripts', 'rseq-testbed.mjs');
  const child = fork(launcher, [WORKER_VERB], {
    execArgv: [...execArgv],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, RSEQ_TESTBED_WORKER: '1' },
  });
  child.on('message', onMessage);
  child.once('error', (error) => onExit(error.message));
  child.once('exit', (status, signal) => onExit(signal ?? `exit status ${status}`));
  return {
    pid: child.pid,
    send: (message) => {
      if (child.connected) child.send(message, () => {});
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}
