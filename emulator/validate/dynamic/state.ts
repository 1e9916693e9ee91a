import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import type { TaskId } from '../../../kernel-model/task/task.ts';
import type { Finding } from '../finding.ts';
import type { KnownSection } from './known-sections.ts';

/** A store that a section made before its commit. */
export interface EarlyStore {
  readonly instruction: number;
  readonly address: number;
  readonly sizeBytes: number;
  readonly value: number;
}

/** A word that a task in a section has read and is about to replace. */
export interface Exposure {
  readonly address: number;
  readonly sizeBytes: number;
  /** What it read. */
  readonly value: number;
  readonly load: number;
}

/** A store by another task to an exposed word. */
export interface Intrusion {
  readonly exposure: Exposure;
  readonly task: TaskId;
  readonly vcpu: number;
  readonly instruction: number;
  readonly value: number;
  readonly isInSection: boolean;
}

/** One way of a task through a section, from its first instruction on. Immutable. */
export interface Attempt {
  readonly section: KnownSection;
  /** What was armed when it began, if that protects the section. */
  readonly armed: ArmedRegion | undefined;
  /** The task was seen outside since. */
  readonly hasLeft: boolean;
  readonly stores: readonly EarlyStore[];
  readonly exposed: readonly Exposure[];
  readonly intrusions: readonly Intrusion[];
}

/** A way through a section of which nothing is known yet but what was armed. */
export function begin(section: KnownSection, armed: ArmedRegion | undefined): Attempt {
  return { section, armed, hasLeft: false, stores: [], exposed: [], intrusions: [] };
}

/** What a section that did not commit left in memory. */
export interface Leftover extends EarlyStore {
  readonly task: TaskId;
  readonly section: KnownSection;
  readonly cause: 'abort' | 'exit';
}

const GRANULE_BYTES = 8;

/** The granules that `sizeBytes` bytes from `address` on touch: the first, and one past the last. */
export function granulesOf(address: number, sizeBytes: number): readonly [number, number] {
  return [
    Math.floor(address / GRANULE_BYTES),
    Math.floor((address + sizeBytes - 1) / GRANULE_BYTES) + 1,
  ];
}

/** Everything that the validators know of a run, as a value. */
export interface StateImage {
  readonly attempts: readonly (Attempt | undefined)[];
  readonly leftovers: ReadonlyMap<number, Leftover>;
  /** First instructions of sections that a task reached while it was not registered. */
  readonly unregisteredStarts: readonly (number | undefined)[];
  /** Sections that no table names and that some task has armed. */
  readonly learnt: ReadonlySet<KnownSection>;
  readonly findings: readonly Finding[];
}

const NOTHING: StateImage = {
  attempts: [],
  leftovers: new Map(),
  unregisteredStarts: [],
  learnt: new Set(),
  findings: [],
};

/** What the validators know of a run. Copied on the first change after an image was taken. */
export class ValidationState {
  #attempts: (Attempt | undefined)[] = [];
  /** The tasks whose attempts have read what they are about to replace. */
  #exposed: readonly TaskId[] = [];
  #leftovers: ReadonlyMap<number, Leftover> = NOTHING.leftovers;
  #unregisteredStarts: (number | undefined)[] = [];
  #learnt: ReadonlySet<KnownSection> = NOTHING.learnt;
  #findings: readonly Finding[] = NOTHING.findings;
  #saved: StateImage | undefined = NOTHING;

  get attempts(): readonly (Attempt | undefined)[] {
    return this.#attempts;
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  /** Tasks that had read a word which they are about to replace when they last stopped. */
  get exposed(): readonly TaskId[] {
    return this.#exposed;
  }

  /** Whether a task other than `task` has read this word and is about to replace it. */
  isExposed(task: TaskId, address: number): boolean {
    for (const id of this.#exposed) {
      const exposed = id === task ? undefined : this.#attempts[id]?.exposed;
      if (exposed?.some((each) => each.address === address)) return true;
    }
    return false;
  }

  setAttempt(task: TaskId, attempt: Attempt | undefined): void {
    const wasExposed = isExposed(this.#attempts[task]);
    if (wasExposed !== isExposed(attempt)) {
      const others = this.#exposed.filter((id) => id !== task);
      this.#exposed = wasExposed ? others : [...others, task];
    }
    this.#attempts[task] = attempt;
    this.#saved = undefined;
  }

  get hasLeftovers(): boolean {
    return this.#leftovers.size > 0;
  }

  /** What is left in a granule. */
  leftover(granule: number): Leftover | undefined {
    return this.#leftovers.size === 0 ? undefined : this.#leftovers.get(granule);
  }

  setLeftover(granule: number, leftover: Leftover | undefined): void {
    const leftovers = new Map(this.#leftovers);
    if (leftover === undefined) leftovers.delete(granule);
    else leftovers.set(granule, leftover);
    this.#leftovers = leftovers;
    this.#saved = undefined;
  }

  unregisteredStarts(task: TaskId): number {
    return this.#unregisteredStarts[task] ?? 0;
  }

  countUnregisteredStart(task: TaskId): void {
    this.#unregisteredStarts[task] = this.unregisteredStarts(task) + 1;
    this.#saved = undefined;
  }

  /** Whether some task has armed a section that no table names. */
  hasLearnt(section: KnownSection): boolean {
    return this.#learnt.has(section);
  }

  learn(section: KnownSection): void {
    this.#learnt = new Set([...this.#learnt, section]);
    this.#saved = undefined;
  }

  /**
   * Tells states apart that may lead to other findings though the machine's are equal; empty where there
   * is nothing out of the ordinary. Leaves out how often tasks tried without being registered.
   */
  get key(): string {
    let key = this.#learnt.size === 0 ? '' : `sections ${this.#learnt.size}`;
    this.#attempts.forEach((attempt, task) => {
      if (attempt === undefined) return;
      const { stores, exposed, intrusions } = attempt;
      if (stores.length + exposed.length + intrusions.length === 0) return;
      key += ` ${task}:${stores.length},${exposed.length}${intrusions.map(keyOfIntrusion).join('')}`;
    });
    for (const { instruction, address, sizeBytes, value, cause } of this.#leftovers.values()) {
      key += ` ${instruction}:${address},${sizeBytes},${value},${cause}`;
    }
    return key;
  }

  addFinding(finding: Finding): void {
    this.#findings = [...this.#findings, finding];
    this.#saved = undefined;
  }

  save(): StateImage {
    this.#saved ??= {
      attempts: this.#attempts.slice(),
      leftovers: this.#leftovers,
      unregisteredStarts: this.#unregisteredStarts.slice(),
      learnt: this.#learnt,
      findings: this.#findings,
    };
    return this.#saved;
  }

  /** Forgets everything. */
  clear(): void {
    this.restore(NOTHING);
  }

  restore(image: StateImage): void {
    if (image === this.#saved) return;
    this.#attempts = image.attempts.slice();
    this.#exposed = this.#attempts.flatMap((attempt, id) => (isExposed(attempt) ? [id] : []));
    this.#leftovers = image.leftovers;
    this.#unregisteredStarts = image.unregisteredStarts.slice();
    this.#learnt = image.learnt;
    this.#findings = image.findings;
    this.#saved = image;
  }
}

function keyOfIntrusion({ exposure, task, instruction, value }: Intrusion): string {
  return `,${exposure.address}<${value}@${task}:${instruction}`;
}

function isExposed(attempt: Attempt | undefined): boolean {
  return attempt !== undefined && attempt.exposed.length > 0;
}
