import { assert } from '../../../kernel-model/assert.ts';
import { type FromWorker, readAnswer, type ToWorker } from './protocol.ts';
import type { Assignment } from './unit-ledger.ts';
import type { StartWorker, WorkerLink } from './worker-link.ts';

/** What a worker does at the moment. */
type Activity =
  | { readonly kind: 'opening' | 'planning' | 'idle' }
  | { readonly kind: 'exploring'; readonly assignment: Assignment };

interface WorkerListener {
  onAnswer(worker: WorkerHandle, answer: FromWorker): void;
  /** The process has ended, for this reason. */
  onCrash(worker: WorkerHandle, reason: string): void;
}

const OPENING: Activity = { kind: 'opening' };
const SECONDS_TO_OPEN_MIN = 60;
const IDLE: Activity = { kind: 'idle' };

/** One worker of a search: what it does, how far it is, and whether it still lives. */
export class WorkerHandle {
  readonly #link: WorkerLink;
  #activity: Activity = OPENING;
  /** What was said of the unit under way. */
  #progress = { schedules: 0, distinctStates: 0 };
  /** What it said before it ended, or was ended for. */
  #reason: string | undefined;
  #isGone = false;
  #secondsSilent = 0;

  constructor(start: StartWorker, listener: WorkerListener) {
    this.#link = start({
      onMessage: (message) => {
        if (this.#isGone) return;
        this.#secondsSilent = 0;
        const answer = readAnswer(message);
        this.#note(answer);
        listener.onAnswer(this, answer);
      },
      onExit: (reason) => {
        if (this.#isGone) return;
        this.#isGone = true;
        listener.onCrash(this, this.#reason ?? reason);
      },
    });
  }

  get pid(): number | undefined {
    return this.#link.pid;
  }

  get activity(): Activity {
    return this.#activity;
  }

  get progress(): { readonly schedules: number; readonly distinctStates: number } {
    return this.#progress;
  }

  /** The unit that it explores, if it does. */
  get assignment(): Assignment | undefined {
    return this.#activity.kind === 'exploring' ? this.#activity.assignment : undefined;
  }

  plan(): void {
    this.#activity = { kind: 'planning' };
    this.#send({ kind: 'plan' });
  }

  open(request: Extract<ToWorker, { kind: 'open' }>): void {
    this.#send(request);
  }

  explore(assignment: Assignment): void {
    assert(this.#activity.kind === 'idle', 'one unit at a time');
    this.#activity = { kind: 'exploring', assignment };
    this.#send({ kind: 'explore', ...assignment });
  }

  /** Has it leave its unit, if it has one; it answers with what that came to so far. */
  stop(): void {
    const { assignment } = this;
    if (assignment !== undefined) this.#send({ kind: 'stop', index: assignment.index });
  }

  /** Ends it, without a word to the listener. */
  end(): void {
    this.#isGone = true;
    this.#link.kill();
  }

  /**
   * A second has passed: a worker that says nothing for too long is taken to hang, and ended.
   * Before its first unit it gets a minute at least: loading takes as long as the host's other work
   * lets it.
   */
  tick(secondsMax: number): void {
    const { kind } = this.#activity;
    this.#secondsSilent = kind === 'idle' ? 0 : this.#secondsSilent + 1;
    const most = kind === 'exploring' ? secondsMax : Math.max(secondsMax, SECONDS_TO_OPEN_MIN);
    if (this.#secondsSilent < most) return;
    this.#reason ??= `no sign of life for ${most} s`;
    this.#link.kill();
  }

  #note(answer: FromWorker): void {
    switch (answer.kind) {
      case 'ready':
      case 'planned':
      case 'explored':
        this.#activity = IDLE;
        this.#progress = { schedules: 0, distinctStates: 0 };
        break;
      case 'progress':
        this.#progress = answer;
        break;
      case 'broken':
        this.#reason = answer.message;
        break;
      case 'refused':
        break;
    }
  }

  #send(message: ToWorker): void {
    this.#link.send(message);
  }
}
