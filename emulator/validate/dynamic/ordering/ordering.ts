import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import type { KernelHost } from '../../../../kernel-model/kernel-state.ts';
import type { SyscallArguments } from '../../../../kernel-model/syscalls/context.ts';
import type { Task, TaskId } from '../../../../kernel-model/task/task.ts';
import type { GuestAccess } from '../../../machine/run.ts';
import type { KnownSection } from '../known-sections.ts';
import { granulesOf } from '../state.ts';
import type { ValidatedRun } from '../validator.ts';
import { Clocks, type Stamp } from './clocks.ts';

/** Calls that tell nobody else anything. */
const PRIVATE_CALLS: ReadonlySet<string> = new Set([
  ...['sched_yield', 'getpid', 'gettid', 'getcpu', 'rseq', 'set_robust_list', 'set_tid_address'],
  ...['sched_getaffinity', 'sched_setaffinity', 'clock_gettime', 'gettimeofday', 'nanosleep'],
  ...['rt_sigprocmask', 'rt_sigaction', 'arch_prctl', 'getrandom', 'clock_nanosleep'],
]);

/** Who stored last to a granule. */
interface Writer {
  readonly stamp: Stamp;
  readonly isInSection: boolean;
}

/** The last commit to a word. */
interface Commit {
  readonly stamp: Stamp;
  readonly vcpu: number;
  readonly mmCid: number;
  readonly instruction: number;
}

/**
 * R8 and R28 by happens-before: the commit of a section, and a store to the same word by another task
 * that no chain of synchronisation orders after it. Give it all accesses of a run, loads too. What may
 * order two tasks counts as if it did: clone, exit, signals, membarrier, each system call that is not
 * private to its task, and each load of what another task stored, unless both are made by sections,
 * which order nothing. So what it finds is not ordered by anything.
 */
export class Ordering {
  readonly #run: ValidatedRun;
  readonly #clocks = new Clocks();
  readonly #writers = new Map<number, Writer>();
  readonly #commits = new Map<number, Commit>();
  /** By futex, and one for all other calls: what its users told so far, by task. */
  readonly #channels = new Map<string, Map<TaskId, Stamp>>();
  /** Channels that tasks wait on. */
  readonly #waiting = new Map<TaskId, string>();
  #tasksSeen = 0;

  constructor(run: ValidatedRun) {
    this.#run = run;
  }

  readonly onAccess = (access: GuestAccess): void => {
    const { task, instruction } = access;
    this.#catchUp(task);
    const section = this.#run.sectionAt(instruction);
    if (access.isStore) this.#store(access, section);
    else this.#load(access, section !== undefined);
  };

  readonly onSyscall: NonNullable<KernelHost['syscallDone']> = (task, { name }, args, result) => {
    this.#catchUp(task.id);
    if (PRIVATE_CALLS.has(name)) return;
    const channel = name === 'futex' ? futexOf(task, args) : 'calls';
    this.#meet(task.id, channel);
    if (result.kind === 'block') this.#waiting.set(task.id, channel);
    if (name === 'membarrier') this.#meetAll(task.id);
    if (result.kind === 'exited' || name.endsWith('kill')) this.#tellAll(task.id);
  };

  /** New tasks know what the others know by now; one that waited has been told. */
  #catchUp(task: TaskId): void {
    const { tasks } = this.#run.kernel.state;
    for (; this.#tasksSeen < tasks.length; this.#tasksSeen++) {
      for (const { id } of tasks) this.#clocks.acquire(this.#tasksSeen + 1, this.#clocks.now(id));
    }
    const channel = this.#waiting.get(task);
    if (channel === undefined) return;
    this.#waiting.delete(task);
    this.#meet(task, channel);
  }

  /** Tells the channel, and learns what it was told. */
  #meet(task: TaskId, channel: string): void {
    const told = this.#channels.get(channel) ?? new Map<TaskId, Stamp>();
    this.#channels.set(channel, told);
    for (const stamp of told.values()) this.#clocks.acquire(task, stamp);
    told.set(task, this.#clocks.now(task));
  }

  #meetAll(task: TaskId): void {
    for (const { id } of this.#run.kernel.state.tasks) {
      this.#clocks.acquire(task, this.#clocks.now(id));
    }
    this.#tellAll(task);
  }

  #tellAll(task: TaskId): void {
    const stamp = this.#clocks.now(task);
    for (const { id } of this.#run.kernel.state.tasks) this.#clocks.acquire(id, stamp);
  }

  #load({ task, address, sizeBytes }: GuestAccess, isInSection: boolean): void {
    const [first, end] = granulesOf(address, sizeBytes);
    for (let granule = first; granule < end; granule++) {
      const writer = this.#writers.get(granule);
      if (writer === undefined || (isInSection && writer.isInSection)) continue;
      this.#clocks.acquire(task, writer.stamp);
    }
  }

  #store(access: GuestAccess, section: KnownSection | undefined): void {
    const { task, address, sizeBytes, instruction } = access;
    const stamp = this.#clocks.tick(task);
    const [first, end] = granulesOf(address, sizeBytes);
    for (let granule = first; granule < end; granule++) {
      this.#writers.set(granule, { stamp, isInSection: section !== undefined });
    }
    const commit = this.#commits.get(address);
    if (commit !== undefined) this.#compare(access, section, commit);
    if (section === undefined || section.commit !== instruction) return;
    const owner = this.#run.kernel.state.tasks[task - 1];
    if (owner === undefined) return;
    const { vcpu, mmCid } = owner;
    this.#commits.set(address, { stamp, vcpu, mmCid, instruction });
  }

  #compare(access: GuestAccess, section: KnownSection | undefined, commit: Commit): void {
    const { task, instruction } = access;
    if (this.#clocks.knows(task, commit.stamp)) return;
    const owner = this.#run.kernel.state.tasks[task - 1];
    if (owner === undefined) return;
    if (section === undefined) {
      this.#report(access, section, commit, owner);
      return;
    }
    const code = section.code.get(instruction);
    const isElsewhere = owner.vcpu !== commit.vcpu && owner.mmCid !== commit.mmCid;
    if (code?.load !== undefined && isElsewhere) this.#report(access, section, commit, owner);
  }

  #report(
    { task, address, instruction, retired }: GuestAccess,
    section: KnownSection | undefined,
    commit: Commit,
    { vcpu }: Task,
  ): void {
    const run = this.#run;
    const other = commit.stamp.task;
    const how = section === undefined ? 'outside any section' : 'in a section as well';
    run.report({
      rule: section === undefined ? 'R28' : 'R8',
      task,
      section: section?.region ?? run.sectionAt(commit.instruction)?.region,
      address: instruction,
      message: () =>
        `task ${task} on vCPU ${vcpu} stores to ${formatAddress(address)} at ` +
        `${run.describe(task, instruction)}, ${how}; ` +
        `task ${other} on vCPU ${commit.vcpu} committed there at ` +
        `${run.describe(other, commit.instruction)}, ` +
        'and nothing orders the two',
      retired,
    });
  }
}

function futexOf({ process }: Task, [address]: SyscallArguments): string {
  return `futex ${process} ${address}`;
}
