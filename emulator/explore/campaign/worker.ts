import { setImmediate } from 'node:timers/promises';
import { assert, assertNever } from '../../../kernel-model/assert.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { UserError } from '../../errors.ts';
import type { ProgramImage } from '../../loader/image.ts';
import { loadProgram } from '../../loader/load.ts';
import { openMachine } from '../../machine/open.ts';
import { Explorer } from '../search/explorer.ts';
import { SEARCH_STRATEGIES } from '../search/registry.ts';
import type { Search } from '../search/search-strategy.ts';
import { TallyCounter } from '../search/tally-counter.ts';
import type { SearchJob } from './job.ts';
import type { ExplorationEnd, FromWorker, ToWorker } from './protocol.ts';

const MILLISECONDS_BETWEEN_PAUSES = 50;
const MILLISECONDS_BETWEEN_REPORTS = 250;

type Exploration = Extract<ToWorker, { kind: 'explore' }>;

interface Opened {
  readonly image: ProgramImage;
  readonly explorer: Explorer;
  readonly search: Search;
}

/** Takes part in a search: does what the coordinator asks, one thing after the other. */
export class SearchWorker {
  readonly #send: (answer: FromWorker) => void;
  #opened: Opened | undefined;
  /** The unit that is to be left. */
  #stopped: number | undefined;

  constructor(send: (answer: FromWorker) => void) {
    this.#send = send;
  }

  /** Does what is asked and answers. @throws UserError for a guest that is not there, say. */
  async handle(request: ToWorker): Promise<void> {
    switch (request.kind) {
      case 'open':
        this.#open(request.job, request.libraryPath);
        return;
      case 'plan':
        this.#plan();
        return;
      case 'explore':
        await this.#explore(request);
        return;
      case 'stop':
        this.#stopped = request.index;
        return;
      default:
        assertNever(request);
    }
  }

  #open(job: SearchJob, libraryPath: string): void {
    const { path, sha256, args, env } = job.guest;
    const { image } = loadProgram(path, { symbolsPath: job.symbols });
    if (image.sha256 !== sha256) {
      throw new UserError('guest-changed', `${path} has changed since the search began`);
    }
    const profile = findProfile(job.kernel);
    if (profile === undefined) {
      throw new UserError('usage', `there is no kernel ${JSON.stringify(job.kernel)}`);
    }
    const machine = openMachine({ libraryPath, memoryLimitBytes: job.memoryLimitBytes });
    const { cpus: vcpus, seed, memoryLimitBytes } = job;
    const openLogging = () => openMachine({ libraryPath, memoryLimitBytes, logReads: true });
    const searched = {
      ...{ program: { image, args, env }, profile, vcpus, seed },
      watching: { openLogging },
    };
    const explorer = new Explorer(machine, searched, job.bounds);
    const search = SEARCH_STRATEGIES[job.strategy].open(explorer);
    this.#opened = { image, explorer, search };
    // Learnt here, and not when the first unit needs it: while the other workers do so too.
    void explorer.lesson;
    this.#send({ kind: 'ready', engine: machine.engineId });
  }

  #plan(): void {
    assert(this.#opened !== undefined, 'opened before it plans');
    const { explorer, search, image } = this.#opened;
    const { outcome } = explorer.lesson;
    if (outcome.kind === 'unsupported') {
      const where = image.symbols.format(outcome.address);
      throw new UserError('unsupported', `not supported: ${outcome.what} at ${where}`);
    }
    this.#send({ kind: 'planned', plan: search.plan() });
  }

  async #explore({ index, unit, schedulesMax }: Exploration): Promise<void> {
    assert(this.#opened !== undefined, 'opened before it explores');
    const counter = new TallyCounter();
    let end: ExplorationEnd = 'whole';
    let pausedAt = performance.now();
    let reportedAt = pausedAt;
    for (const _ of this.#opened.search.explore(unit, counter)) {
      // Its end is the failure, whatever else is reached there.
      if (counter.failure !== undefined) continue;
      if (schedulesMax !== undefined && counter.schedules >= schedulesMax) end = 'limit';
      const now = performance.now();
      if (end === 'whole' && now - pausedAt > MILLISECONDS_BETWEEN_PAUSES) {
        if (now - reportedAt > MILLISECONDS_BETWEEN_REPORTS) {
          reportedAt = now;
          const { schedules, distinctStates } = counter;
          this.#send({ kind: 'progress', schedules, distinctStates });
        }
        await setImmediate();
        pausedAt = performance.now();
        if (this.#stopped === index) end = 'stopped';
      }
      if (end !== 'whole') break;
    }
    this.#send({ kind: 'explored', index, tally: counter.tally, end });
  }
}
