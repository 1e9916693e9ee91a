import type { TaskId } from '../../kernel-model/task/task.ts';
import type { GuestAccess } from '../machine/run.ts';
import type { SectionEnd } from '../machine/sections.ts';

/** How attempts at sections ended, over all tasks. */
export interface AttemptCounts {
  readonly committed: number;
  /** Sent to the abort handler by the kernel. */
  readonly aborted: number;
  /** Left for the abort handler by the section's own comparison. */
  readonly refused: number;
  /** Left otherwise: there was nothing to do. */
  readonly left: number;
  /** Of those aborted or refused: another task had stored to a word that the attempt had used. */
  readonly conflicts: number;
  /** Of the others: the task had been moved to another vCPU since the attempt began. */
  readonly moved: number;
  /** Of the others: nothing the attempt had used was touched. */
  readonly spurious: number;
}

type Counters = { -readonly [name in keyof AttemptCounts]: number };

const WORD_BYTES = 8;

/** Where a task is now: tasks of other address spaces cannot conflict with it. */
export interface Whereabouts {
  readonly vcpu: number;
  readonly space: number;
}

/** Under what name each end is counted. */
const KINDS = {
  committed: 'committed',
  aborted: 'aborted',
  'gave up': 'refused',
  exited: 'left',
} as const satisfies Record<SectionEnd, keyof AttemptCounts>;

/** What one task did since its last section ended. */
class Attempt {
  readonly words = new Set<number>();
  place: Whereabouts | undefined;
  isInConflict = false;
}

/**
 * Tells restarts that were needed from those that were not, for any ABI and any program: a restart
 * is needed if another task of the address space stored to a word after the attempt had used it. An
 * attempt is all that a task does from the end of one section to that of the next, so it holds also
 * what a scheme reads before it arms. Needs a machine that logs loads.
 */
export class Attempts {
  readonly #placeOf: (task: TaskId) => Whereabouts;
  #attempts: Attempt[] = [];
  #counts: Counters = noCounts();
  #restarts: number[] = [];

  constructor(placeOf: (task: TaskId) => Whereabouts) {
    this.#placeOf = placeOf;
  }

  get counts(): AttemptCounts {
    return { ...this.#counts };
  }

  /** Attempts of one task that were aborted or refused. */
  restartsOf(task: TaskId): number {
    return this.#restarts[task] ?? 0;
  }

  /** Forgets everything, as after going back to a snapshot. */
  reset(): void {
    this.#attempts = [];
    this.#counts = noCounts();
    this.#restarts = [];
  }

  /** To be told of each access, in order. */
  access({ task, isStore, address, sizeBytes }: GuestAccess): void {
    const own = this.#attemptOf(task);
    own.place ??= this.#placeOf(task);
    for (let word = address - (address % WORD_BYTES); word < address + sizeBytes; ) {
      own.words.add(word);
      if (isStore) this.#storedTo(word, own);
      word += WORD_BYTES;
    }
  }

  #storedTo(word: number, own: Attempt): void {
    for (const other of this.#attempts) {
      if (other === undefined || other === own || other.place?.space !== own.place?.space) continue;
      if (other.words.has(word)) other.isInConflict = true;
    }
  }

  #attemptOf(task: TaskId): Attempt {
    let attempt = this.#attempts[task];
    if (attempt === undefined) {
      attempt = new Attempt();
      this.#attempts[task] = attempt;
    }
    return attempt;
  }

  /** To be told of each section that ends, after the accesses before its end. */
  sectionEnded(task: TaskId, end: SectionEnd): void {
    const attempt = this.#attemptOf(task);
    const kind = KINDS[end];
    this.#counts[kind]++;
    if (kind === 'aborted' || kind === 'refused') {
      this.#counts[this.#causeOf(task, attempt)]++;
      this.#restarts[task] = this.restartsOf(task) + 1;
    }
    this.#attempts[task] = new Attempt();
  }

  #causeOf(task: TaskId, attempt: Attempt): 'conflicts' | 'moved' | 'spurious' {
    if (attempt.isInConflict) return 'conflicts';
    const { place } = attempt;
    const hasMoved = place !== undefined && place.vcpu !== this.#placeOf(task).vcpu;
    return hasMoved ? 'moved' : 'spurious';
  }
}

function noCounts(): Counters {
  return {
    committed: 0,
    aborted: 0,
    refused: 0,
    left: 0,
    conflicts: 0,
    moved: 0,
    spurious: 0,
  };
}
