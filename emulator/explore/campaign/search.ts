import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { assert, assertNever } from '../../../kernel-model/assert.ts';
import { UserError } from '../../errors.ts';
import type { SearchResult } from '../search/run-search.ts';
import type { Tally } from '../search/tally.ts';
import type { SearchPlan } from '../search/unit.ts';
import { progressOf, type SearchProgress } from './estimate.ts';
import type { CampaignFolder } from './folder.ts';
import type { SearchJob } from './job.ts';
import type { FromWorker } from './protocol.ts';
import { UnitLedger } from './unit-ledger.ts';
import { WorkerHandle } from './worker-handle.ts';
import { forkWorker, type StartWorker } from './worker-link.ts';

export interface SearchOptions {
  readonly job: SearchJob;
  /** What locateUnicorn gave. */
  readonly libraryPath: string;
  /** Worker processes at most. */
  readonly jobs: number;
  /** Stop after so many seconds. */
  readonly seconds?: number | undefined;
  /** Stop after so many schedules: where exactly does not depend on `jobs`. */
  readonly schedules?: number | undefined;
  /** Where results are kept as they come; those that it holds are not worked out again. */
  readonly folder?: CampaignFolder | undefined;
  /** Ends the search with what is known so far. */
  readonly signal?: AbortSignal | undefined;
  /** Told about once a second. */
  readonly onProgress?: (progress: SearchProgress) => void;
  /** Told of each unit, by its index in the plan, that a process is given. */
  readonly onAssign?: (index: number, pid: number | undefined) => void;
  /**
   * A worker that says nothing for so long is taken to hang; by default by the bound of
   * instructions.
   */
  readonly secondsSilentMax?: number;
  readonly startWorker?: StartWorker;
}

export interface CampaignResult extends SearchResult {
  /** By the index in the plan: what each unit came to that was explored whole. */
  readonly unitTallies: readonly (Tally | undefined)[];
  /** What the workers ran; empty if the search was stopped before one was ready. */
  readonly engine: string;
  /** What ended the search before its bound, if something did. */
  readonly stopped?: StopReason;
}

/** The bound of time, the bound of schedules, or the caller. */
export type StopReason = 'time' | 'schedules' | 'interrupt';

const EMPTY_PLAN: SearchPlan = { units: [], boundaries: [], leftOut: [] };
const SECOND = 1000;
/** What workers get to answer once the search is stopped. */
const PARTING_MILLISECONDS = 700;
const STARTS_MAX = 2;
const SECONDS_SILENT_MIN = 60;
/** Slower than any machine that this runs on, so that a long schedule is not taken for a hang. */
const INSTRUCTIONS_PER_SECOND_MIN = 1_000_000;

/**
 * Searches the schedules of a program in worker processes. Verdict, counts and failure are those of
 * exploring the units of the plan one after the other, whatever the number of workers, and
 * whichever of them crash on the way: a unit whose worker crashed or hung is explored again, and
 * set aside when that happens twice.
 * @throws UserError for a guest that cannot be searched, a folder that cannot be written, an engine
 * that crashes
 *   before the search begins.
 */
export function search(options: SearchOptions): Promise<CampaignResult> {
  return new Campaign(options).run();
}

class Campaign {
  readonly #options: SearchOptions;
  readonly #secondsSilentMax: number;
  readonly #workers = new Set<WorkerHandle>();
  readonly #startedAt = performance.now();
  #plan: SearchPlan | undefined;
  #ledger: UnitLedger | undefined;
  #engine = '';
  /** Workers in a row that ended before they were of any use. */
  #failedStarts = 0;
  #schedulesKnownBefore = 0;
  #stopped: StopReason | undefined;
  readonly #unfinished = new Map<number, Tally>();
  readonly #timers: NodeJS.Timeout[] = [];
  #settle: { resolve(result: CampaignResult): void; reject(error: unknown): void } | undefined;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#secondsSilentMax =
      options.secondsSilentMax ??
      SECONDS_SILENT_MIN + Math.ceil(options.job.bounds.instructions / INSTRUCTIONS_PER_SECOND_MIN);
  }

  async run(): Promise<CampaignResult> {
    const { seconds, signal, folder } = this.#options;
    const stop = (reason: StopReason) => (): void => this.#guard(() => this.#stop(reason));
    const interrupt = stop('interrupt');
    signal?.addEventListener('abort', interrupt);
    try {
      return await new Promise<CampaignResult>((resolve, reject) => {
        this.#settle = { resolve, reject };
        this.#timers.push(setInterval(() => this.#guard(() => this.#tick()), SECOND));
        if (seconds !== undefined) this.#timers.push(setTimeout(stop('time'), seconds * SECOND));
        if (signal?.aborted) interrupt();
        else this.#guard(() => this.#startWorkers());
      });
    } finally {
      signal?.removeEventListener('abort', interrupt);
      for (const timer of this.#timers) clearTimeout(timer);
      for (const worker of this.#workers) worker.end();
      folder?.close();
    }
  }

  /** What is thrown in an event handler is the search's error. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#settle?.reject(error);
    }
  }

  /**
   * All at once: each takes the same time to load the guest and to learn its boundaries, whether or not
   * others do.
   */
  #startWorkers(): void {
    while (this.#workers.size < this.#options.jobs) this.#startWorker();
  }

  #startWorker(): void {
    const { job, libraryPath, jobs } = this.#options;
    const startWorker = this.#options.startWorker ?? forkWorker(jobs < availableParallelism());
    const worker = new WorkerHandle(startWorker, {
      onAnswer: (_from, answer) => this.#guard(() => this.#onAnswer(answer)),
      onCrash: (from, reason) => this.#guard(() => this.#onCrash(from, reason)),
    });
    this.#workers.add(worker);
    worker.open({ kind: 'open', job, libraryPath });
  }

  #onAnswer(answer: FromWorker): void {
    switch (answer.kind) {
      case 'ready':
        this.#engine = answer.engine;
        this.#share();
        return;
      case 'planned':
        this.#begin(answer.plan);
        return;
      case 'explored':
        this.#onExplored(answer);
        return;
      case 'refused':
        throw new UserError(answer.code, answer.message);
      case 'progress':
      case 'broken':
        return;
      default:
        assertNever(answer);
    }
  }

  #begin(plan: SearchPlan): void {
    const { folder, schedules } = this.#options;
    const known = folder?.known;
    if (known?.plan !== undefined && !isDeepStrictEqual(known.plan, plan)) {
      throw new UserError(
        'checkpoint-other-plan',
        `${folder?.path} was made by another version of this program: the search has other parts now`,
      );
    }
    this.#plan = plan;
    this.#failedStarts = 0;
    folder?.begin(plan, this.#engine);
    const ledger = new UnitLedger(plan, schedules);
    this.#ledger = ledger;
    for (const [index, tally] of known?.tallies ?? []) {
      this.#schedulesKnownBefore += tally.schedules;
      ledger.finish(index, tally);
    }
    this.#share();
  }

  #onExplored({ index, tally, end }: Extract<FromWorker, { kind: 'explored' }>): void {
    const ledger = this.#ledger;
    assert(ledger !== undefined, 'a plan comes before its units');
    this.#failedStarts = 0;
    switch (end) {
      case 'whole':
        if (ledger.finish(index, tally)) this.#options.folder?.append(index, tally);
        break;
      case 'limit':
        ledger.cut(index, tally);
        break;
      case 'stopped':
        ledger.giveBack(index);
        this.#unfinished.set(index, tally);
        break;
      default:
        assertNever(end);
    }
    this.#share();
  }

  /** A worker has ended that nobody asked to. */
  #onCrash(worker: WorkerHandle, reason: string): void {
    this.#workers.delete(worker);
    const { assignment } = worker;
    if (assignment !== undefined) {
      this.#failedStarts = 0;
      this.#ledger?.crash(assignment.index, reason);
    } else this.#failedStarts++;
    if (this.#failedStarts >= STARTS_MAX && this.#workers.size === 0 && !this.#isStopping) {
      throw new UserError(
        'engine-crashed',
        `the engine crashed (${reason}); this is no verdict on the guest`,
      );
    }
    this.#share();
  }

  /** Gives what waits to those who have nothing to do, and ends the search once all is known. */
  #share(): void {
    const ledger = this.#ledger;
    if (ledger?.isSettled) {
      this.#conclude();
      return;
    }
    const workers = [...this.#workers];
    if (this.#isStopping) {
      if (workers.every(({ assignment }) => assignment === undefined)) this.#conclude();
      return;
    }
    if (ledger === undefined) {
      const isOnePlanning = workers.some(({ activity }) => activity.kind === 'planning');
      if (!isOnePlanning) workers.find(({ activity }) => activity.kind === 'idle')?.plan();
    } else for (const worker of workers) this.#assign(worker, ledger);
    const hasWork = ledger === undefined || ledger.hasWaiting;
    if (hasWork && this.#failedStarts < STARTS_MAX) this.#startWorkers();
  }

  #assign(worker: WorkerHandle, ledger: UnitLedger): void {
    const { assignment, activity } = worker;
    if (assignment !== undefined && !ledger.isUseful(assignment.index)) worker.stop();
    const next = activity.kind === 'idle' ? ledger.next() : undefined;
    if (next === undefined) return;
    worker.explore(next);
    this.#options.onAssign?.(next.index, worker.pid);
  }

  #tick(): void {
    for (const worker of this.#workers) worker.tick(this.#secondsSilentMax);
    if (this.#ledger === undefined || this.#plan === undefined || this.#isStopping) return;
    const { tallies } = this.#ledger;
    const progress = progressOf({
      ...{ units: this.#plan.units, tallies },
      unfinished: [...this.#workers].map((worker) => worker.progress),
      schedulesKnownBefore: this.#schedulesKnownBefore,
      seconds: (performance.now() - this.#startedAt) / SECOND,
    });
    this.#options.onProgress?.(progress);
  }

  get #isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** Ends the search before its bound: workers are asked for what they have. */
  #stop(reason: StopReason): void {
    if (this.#isStopping) return;
    this.#stopped = reason;
    for (const worker of this.#workers) worker.stop();
    this.#timers.push(setTimeout(() => this.#guard(() => this.#conclude()), PARTING_MILLISECONDS));
    this.#share();
  }

  #conclude(): void {
    const ledger = this.#ledger ?? new UnitLedger(EMPTY_PLAN);
    const result = ledger.result(this.#unfinished);
    const isCutOff = this.#ledger === undefined;
    const { schedules = Number.POSITIVE_INFINITY } = this.#options;
    const reachedBound = result.tally.schedules >= schedules ? 'schedules' : undefined;
    const verdict = isCutOff ? 'incomplete' : result.verdict;
    const stopped = verdict === 'incomplete' ? (this.#stopped ?? reachedBound) : undefined;
    this.#settle?.resolve({
      ...result,
      verdict,
      unitTallies: ledger.tallies,
      engine: this.#engine,
      ...(stopped !== undefined && { stopped }),
    });
  }
}
