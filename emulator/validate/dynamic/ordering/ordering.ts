import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import type { KernelHost } from '../../../../kernel-model/kernel-state.ts';
import type { SyscallArguments } from '../../../../kernel-model/syscalls/context.ts';
import type { Task, TaskId } from '../../../../kernel-model/task/task.ts';
import type { GuestAccess } from '../../../machine/run.ts';
import type { KnownSection } from '../known-sections.ts';
import { granulesOf } from '../state.ts';
import type { ValidatedRun } from '../validator.ts';
import { Clocks, type Stamp } from './clocks.ts';
import { type AddressRange, discardedBy } from './discarded.ts';
import { type Overlap, Overlaps } from './overlaps.ts';

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
  readonly process: number;
  readonly vcpu: number;
  readonly mmCid: number;
  readonly affinity: bigint;
  readonly instruction: number;
}

/** A store, or a call that has the effect of one, by a task. */
interface Intrusion {
  readonly task: Task;
  readonly address: number;
  readonly instruction: number;
  readonly retired: number;
  readonly section: KnownSection | undefined;
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
  /** Tasks whose last access was made by a section. */
  readonly #inside = new Set<TaskId>();
  readonly #overlaps = new Overlaps(this.#clocks);
  #tasksSeen = 0;

  constructor(run: ValidatedRun) {
    this.#run = run;
  }

  /** Stores that the schedule spared, to be tried. */
  get overlaps(): readonly Overlap[] {
    return this.#overlaps.found;
  }

  readonly onAccess = (access: GuestAccess): void => {
    const { task, instruction } = access;
    this.#catchUp(task);
    const section = this.#run.sectionAt(instruction);
    const wasInside = this.#inside.has(task);
    if (section === undefined) this.#inside.delete(task);
    else if (!wasInside) {
      this.#inside.add(task);
      this.#overlaps.begin(task);
    }
    if (access.isStore) this.#store(access, section);
    else this.#load(access, section !== undefined);
  };

  readonly onSyscall: NonNullable<KernelHost['syscallDone']> = (task, { name }, args, result) => {
    this.#catchUp(task.id);
    if (PRIVATE_CALLS.has(name)) return;
    this.#overlaps.called(task.id);
    const channel = name === 'futex' ? futexOf(task, args) : 'calls';
    this.#meet(task.id, channel);
    if (result.kind === 'block') this.#waiting.set(task.id, channel);
    if (name === 'membarrier') this.#meetAll(task.id);
    if (result.kind === 'exited' || name.endsWith('kill')) this.#tellAll(task.id);
    const { space } = this.#run.kernel.rseqContext(task).memory;
    const range = discardedBy(name, args, result, () => space.mappings);
    if (range !== undefined) this.#discard(task, range);
  };

  /** A call that throws memory away is as good as a store to all of it. */
  #discard(task: Task, { start, end }: AddressRange): void {
    const calling = this.#run.lastCall;
    if (calling === undefined) return;
    const { address: instruction, retired } = calling;
    for (const [address, commit] of this.#commits) {
      if (address < start || address >= end) continue;
      const place = { instruction, retired: retired + 1, section: undefined };
      this.#compare({ task, address, ...place }, commit);
    }
  }

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
    if (isInSection) this.#overlaps.read(task, address);
    const [first, end] = granulesOf(address, sizeBytes);
    for (let granule = first; granule < end; granule++) {
      const writer = this.#writers.get(granule);
      if (writer === undefined || (isInSection && writer.isInSection)) continue;
      this.#clocks.acquire(task, writer.stamp);
    }
  }

  #store(access: GuestAccess, section: KnownSection | undefined): void {
    const { address, sizeBytes, instruction, retired } = access;
    const stamp = this.#clocks.tick(access.task);
    const [first, end] = granulesOf(address, sizeBytes);
    for (let granule = first; granule < end; granule++) {
      this.#writers.set(granule, { stamp, isInSection: section !== undefined });
    }
    const task = this.#run.kernel.state.tasks[access.task - 1];
    if (task === undefined) return;
    const commit = this.#commits.get(address);
    if (commit !== undefined) {
      this.#compare({ task, address, instruction, retired, section }, commit);
    }
    if (section === undefined) this.#noteOutside(access, stamp, commit);
    if (section?.commit !== instruction) return;
    const { process, vcpu, mmCid, affinity } = task;
    this.#commits.set(address, { stamp, process, vcpu, mmCid, affinity, instruction });
  }

  #noteOutside(
    { task, address, instruction, retired }: GuestAccess,
    stamp: Stamp,
    commit: Commit | undefined,
  ): void {
    const position = { decision: this.#run.decision, instructions: retired };
    const store = { address, instruction, position, stamp };
    const owner = commit?.stamp.task ?? task;
    const section = commit && this.#run.sectionAt(commit.instruction)?.region.start;
    const owning = owner === task || section === undefined ? undefined : { owner, section };
    this.#overlaps.store(task, store, owning);
  }

  #compare(intrusion: Intrusion, commit: Commit): void {
    const { task, section, instruction } = intrusion;
    const { id, process, vcpu, mmCid } = task;
    if (process !== commit.process || this.#clocks.knows(id, commit.stamp)) return;
    if (section === undefined) {
      if (!isOneCpu(task.affinity, commit.affinity)) this.#report(intrusion, commit);
      return;
    }
    const code = section.code.get(instruction);
    const isElsewhere = vcpu !== commit.vcpu && mmCid !== commit.mmCid;
    if (code?.load !== undefined && isElsewhere) this.#report(intrusion, commit);
  }

  #report({ task, address, instruction, retired, section }: Intrusion, commit: Commit): void {
    const run = this.#run;
    const { id, vcpu } = task;
    const other = commit.stamp.task;
    const how = section === undefined ? 'outside any section' : 'in a section as well';
    run.report({
      rule: section === undefined ? 'R28' : 'R8',
      task: id,
      section: section?.region ?? run.sectionAt(commit.instruction)?.region,
      address: instruction,
      message: () =>
        `task ${id} on vCPU ${vcpu} changes ${formatAddress(address)} at ` +
        `${run.describe(id, instruction)}, ${how}; ` +
        `task ${other} on vCPU ${commit.vcpu} committed there at ` +
        `${run.describe(other, commit.instruction)}, ` +
        'and nothing orders the two',
      retired,
    });
  }
}

/** Whether two tasks may run on one CPU only, the same: neither runs inside a section of the other. */
function isOneCpu(affinity: bigint, other: bigint): boolean {
  return affinity === other && (affinity & (affinity - 1n)) === 0n;
}

function futexOf({ process }: Task, [address]: SyscallArguments): string {
  return `futex ${process} ${address}`;
}
