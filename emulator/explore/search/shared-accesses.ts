/** One execution of an instruction that accesses memory. */
export interface Access {
  readonly task: number;
  /** The instruction. */
  readonly address: number;
  /** The aligned 8 bytes in which the access begins. */
  readonly granule: number;
  readonly writes: boolean;
}

interface SharedInstruction {
  readonly task: number;
  readonly address: number;
  /** Executions by the task. */
  executions: number;
}

interface Users {
  readonly tasks: Set<number>;
  readonly instructions: Map<string, SharedInstruction>;
  isWritten: boolean;
}

/** Finds the instructions that touch memory which several tasks use and some task writes. */
export class SharedAccesses {
  readonly #users = new Map<number, Users>();

  /** `isCounted`: it is one of the executions that count. */
  note({ task, address, granule, writes }: Access, isCounted: boolean): void {
    let users = this.#users.get(granule);
    if (users === undefined) {
      users = { tasks: new Set(), instructions: new Map(), isWritten: false };
      this.#users.set(granule, users);
    }
    users.tasks.add(task);
    users.isWritten ||= writes;
    const name = `${task} ${address}`;
    const instruction = users.instructions.get(name) ?? { task, address, executions: 0 };
    if (isCounted) instruction.executions++;
    users.instructions.set(name, instruction);
  }

  /** The instructions, by the task that executed them. */
  shared(): SharedInstruction[] {
    return [...this.#users.values()]
      .filter(({ tasks, isWritten }) => tasks.size > 1 && isWritten)
      .flatMap(({ instructions }) => [...instructions.values()]);
  }
}
