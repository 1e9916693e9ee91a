import type { Task, TaskId } from '../../../kernel-model/task/task.ts';
import type { AddressRange } from './ordering/discarded.ts';

/** Who committed last to a word. */
interface Owner {
  readonly task: TaskId;
  readonly vcpu: number;
  readonly mmCid: number;
  readonly instruction: number;
}

/** What is known at one moment. Opaque. */
export interface OwnersImage {
  readonly owners: ReadonlyMap<number, Owner>;
  readonly suspicions: ReadonlySet<string>;
}

const NOTHING: OwnersImage = { owners: new Map(), suspicions: new Set() };

/**
 * Who committed last to which word: a hint where it pays to look closer (see Ordering). A suspicion is
 * two instructions that stored to one word, the second in a way that is right only if something orders
 * them.
 */
export class Owners {
  #owners = new Map<number, Owner>();
  #suspicions: ReadonlySet<string> = NOTHING.suspicions;
  /** What #owners and #suspicions are a copy of, or are held by. */
  #saved: OwnersImage | undefined;
  #isShared = false;

  get suspicions(): ReadonlySet<string> {
    return this.#suspicions;
  }

  /** A section of `task` commits to a word: suspicious if another task did on another CPU. */
  commit({ id, vcpu, mmCid }: Task, address: number, instruction: number): void {
    const owner = this.#owners.get(address);
    if (owner?.task === id && owner.vcpu === vcpu && owner.mmCid === mmCid) return;
    if (owner !== undefined && owner.task !== id) {
      const isElsewhere = owner.vcpu !== vcpu && owner.mmCid !== mmCid;
      if (isElsewhere) this.suspect(owner, instruction);
    }
    if (this.#isShared) this.#owners = new Map(this.#owners);
    this.#isShared = false;
    this.#saved = undefined;
    this.#owners.set(address, { task: id, vcpu, mmCid, instruction });
  }

  /** Who committed last to a word. */
  of(address: number): Owner | undefined {
    return this.#owners.get(address);
  }

  /** The words from `start` up to `end` to which somebody committed. */
  words({ start, end }: AddressRange): readonly number[] {
    return [...this.#owners.keys()].filter((address) => address >= start && address < end);
  }

  /** Another task's instruction stores to a word of `owner`. */
  suspect(owner: Owner, instruction: number): void {
    const suspicion = `${owner.instruction} ${instruction}`;
    if (this.#suspicions.has(suspicion)) return;
    this.#suspicions = new Set([...this.#suspicions, suspicion]);
    this.#saved = undefined;
  }

  save(): OwnersImage {
    this.#isShared = true;
    this.#saved ??= { owners: this.#owners, suspicions: this.#suspicions };
    return this.#saved;
  }

  restore(image: OwnersImage): void {
    if (image === this.#saved) return;
    this.#owners = new Map(image.owners);
    this.#isShared = false;
    this.#suspicions = image.suspicions;
    this.#saved = image;
  }

  clear(): void {
    this.restore(NOTHING);
  }
}
