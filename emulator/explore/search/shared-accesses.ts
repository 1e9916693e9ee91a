/** One execution of an instruction that accesses memory. */
export interface Access {
  readonly task: number;
  /** The instruction. */
  readonly address: number;
  /** The aligned 8 bytes in which the access begins. */
  readonly granule: number;
  readonly writes: boolean;
}

interface Users {
  readonly tasks: Set<number>;
  readonly instructions: Map<string, { readonly task: number; readonly address: number }>;
  isWritten: boolean;
}

/** Finds the instructions that touch memory which several tasks use and some task writes. */
export class SharedAccesses {
  readonly #users = new Map<number, Users>();

  note({ task, address, granule, writes }: Access): void {
    let users = this.#users.get(granule);
    if (users === undefined) {
      users = { tasks: new Set(), instructions: new Map(), isWritten: false };
      this.#users.set(granule, users);
    }
    users.tasks.add(task);
    users.isWritten ||= writes;
    users.instructions.set(`${task} ${address}`, { task, address });
  }

  /** The instructions, by the task that executed them. */
  shared(): { readonly task: number; readonly address: number }[] {
    return [...this.#users.values()]
      .filter(({ tasks, isWritten }) => tasks.size > 1 && isWritten)
      .flatMap(({ instructions }) => [...instructions.values()]);
  }
}
