import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import { taskOf } from '../../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import { effectiveAddress } from '../../engine/decode/instruction.ts';
import { decodeUse, type InstructionUse } from '../../engine/decode/used-memory.ts';
import type { EventAccess, TraceEvent } from './dependence.ts';
import type { Explorer, Point } from './explorer.ts';
import type { SharedMemory } from './shared-memory.ts';
import { type PendingCall, scopeOf } from './syscall-objects.ts';

const INSTRUCTION_BYTES_MAX = 15;
/** An event of so many instructions ends, shared memory or not. */
const EVENT_INSTRUCTIONS_MAX = 10_000;
const STRETCH_INSTRUCTIONS_MAX = 64;
const CALL_ARGUMENTS = ['rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'] as const;

/** A step to take: by a task that has just been given its vCPU. */
interface StepRequest {
  readonly id: number;
  readonly vcpu: number;
  /** Before it was given the vCPU. */
  readonly wasSensitive: boolean;
  /** Sections are gone through without a stop. */
  readonly isAtomic: boolean;
}

/** What is gathered of an event while its instructions execute. */
interface Gathered {
  readonly accesses: EventAccess[];
  readonly objects: string[];
  isGlobal: boolean;
  changed: boolean;
}

/** Instructions one behind the other. */
interface Stretch {
  readonly instructions: number;
  readonly end: number;
}

interface NextInstruction {
  readonly use: InstructionUse;
  readonly accesses: readonly EventAccess[];
  readonly isVisible: boolean;
  /** It writes the task's own rseq area. */
  readonly writesArea: boolean;
}

/** Steps one task from event to event, and tells what each one used. */
export class EventStep {
  readonly #explorer: Explorer;
  readonly #shared: SharedMemory;
  readonly #uses = new Map<number, InstructionUse>();
  readonly #stretches = new Map<number, Stretch>();

  constructor(explorer: Explorer, shared: SharedMemory) {
    this.#explorer = explorer;
    this.#shared = shared;
  }

  #task(id: number): Task {
    return taskOf(this.#explorer.machine.kernel.state, id);
  }

  pointOf(id: number): Point {
    const task = this.#task(id);
    return { task, address: this.#explorer.driver.addressOf(task), isBoundary: false };
  }

  /** Whether the task has a section armed and is inside. */
  isInside(id: number): boolean {
    return isWithin(this.#regionOf(id), this.pointOf(id).address);
  }

  #regionOf(id: number): ArmedRegion | undefined {
    const task = this.#task(id);
    return task.state.kind === 'dead' ? undefined : this.#explorer.driver.regionOf(task);
  }

  /** Whether it matters to the task that it loses its vCPU. */
  isSensitive(id: number): boolean {
    return this.#regionOf(id) !== undefined;
  }

  /** All registers of a task, equal for equal ones; of a dead one nothing. */
  registersOf(id: number): string {
    const task = this.#task(id);
    return task.state.kind === 'dead' ? '' : this.#explorer.machine.registerFile(task).join(' ');
  }

  /** Runs a task up to its next event, and through it. */
  run({ id, vcpu, wasSensitive, isAtomic }: StepRequest): { event: TraceEvent; changed: boolean } {
    const { machine } = this.#explorer;
    const isTimed = this.#hasTimer();
    const gathered: Gathered = { accesses: [], objects: [], isGlobal: isTimed, changed: false };
    const runnable = this.#runnableTasks();
    let hasBeenVisible = false;
    let usesArea = false;
    let region = this.#regionOf(id);
    for (let retired = 0; retired < EVENT_INSTRUCTIONS_MAX; ) {
      const { task, address } = this.pointOf(id);
      const isInside = isWithin(region, address);
      if (isInside && !isAtomic && retired > 0) break;
      const plain = isInside ? 0 : this.#plainFrom(task, address, region);
      if (plain > 0) {
        this.#explorer.driver.run(task, plain);
        retired += plain;
        if (machine.outcome !== undefined || task.state.kind !== 'running') break;
        if (this.#mustLookAgain(task)) region = this.#regionOf(id);
        continue;
      }
      const next = this.#next(id, gathered);
      const isVisible = (isInside && !isAtomic) || next.isVisible;
      if (isVisible && hasBeenVisible && !isInside) break;
      hasBeenVisible ||= isVisible;
      usesArea ||= next.writesArea;
      this.#execute(id, next, gathered);
      retired++;
      if (machine.outcome !== undefined || this.#task(id).state.kind !== 'running') break;
      if (machine.kernel.state.vcpus[vcpu]?.needResched) break;
      if (next.writesArea || next.use.isSyscall || this.#mustLookAgain(task)) {
        region = this.#regionOf(id);
      }
      // The kernel disarms a task that is handed over between arming and start.
      const isArmedEarly = next.writesArea && region !== undefined;
      if (isArmedEarly && !isWithin(region, this.pointOf(id).address)) break;
    }
    const isAlone = machine.kernel.state.processes.length === 1;
    if (machine.outcome !== undefined || this.#hasTimer() || !isAlone) gathered.isGlobal = true;
    const { accesses, objects, isGlobal, changed } = gathered;
    const event: TraceEvent = {
      task: id,
      label: '',
      vcpus: [vcpu],
      isHandoverSensitive:
        wasSensitive || this.isSensitive(id) || (usesArea && this.#shared.watchesAreas),
      isGlobal,
      accesses,
      objects,
      enables: [...this.#runnableTasks()].filter((task) => !runnable.has(task)),
    };
    return { event, changed };
  }

  #hasTimer(): boolean {
    return this.#explorer.machine.kernel.nextTimer() !== Number.POSITIVE_INFINITY;
  }

  #runnableTasks(): Set<number> {
    const tasks = this.#explorer.machine.kernel.state.tasks.filter(
      ({ state }) => state.kind === 'ready' || state.kind === 'running',
    );
    return new Set(tasks.map(({ id }) => id));
  }

  /** Where regions stand armed without a store, the instruction pointer alone decides. */
  #mustLookAgain(task: Task): boolean {
    const { kernel } = this.#explorer.machine;
    return kernel.profile.rseq.standingRegions(kernel.processOf(task)).length > 0;
  }

  /** Instructions from here on that use registers alone, and lead into no section that is armed. */
  #plainFrom(task: Task, address: number, region: ArmedRegion | undefined): number {
    if (region !== undefined && region.start === undefined) return 0;
    let stretch = this.#stretches.get(address);
    if (stretch === undefined) {
      stretch = this.#decodeStretch(task, address);
      this.#stretches.set(address, stretch);
    }
    const start = region?.start ?? Number.POSITIVE_INFINITY;
    return address < start && start <= stretch.end ? 0 : stretch.instructions;
  }

  #decodeStretch(task: Task, from: number): Stretch {
    let instructions = 0;
    let end = from;
    while (instructions < STRETCH_INSTRUCTIONS_MAX) {
      const use = this.#useAt(task, end);
      if (use.memory.length > 0 || use.isSyscall || use.readsClock || use.mayTrap) break;
      instructions++;
      end += use.lengthBytes;
      if (!use.isStraight) break;
    }
    return { instructions, end };
  }

  /** What the task's next instruction will use. */
  #next(id: number, gathered: Gathered): NextInstruction {
    const { kernel } = this.#explorer.machine;
    const { task, address } = this.pointOf(id);
    const use = this.#useAt(task, address);
    const registers = kernel.host.registers(id);
    const accesses: EventAccess[] = [];
    for (const { operand, writes } of use.memory) {
      const linear = Number(effectiveAddress(operand, (name) => registers.read(name)));
      accesses.push({ address: linear, sizeBytes: operand.sizeBytes, isWrite: writes });
    }
    let isVisible = use.isSyscall || use.readsClock;
    let writesArea = false;
    for (const access of accesses) {
      this.#shared.note(id, access);
      if (this.#shared.isShared(access)) isVisible = true;
      const isInArea = this.#isInArea(task, access);
      if (isInArea && access.isWrite) writesArea = true;
      if (isInArea && (access.isWrite || this.#shared.watchesAreas)) isVisible = true;
      if (isInArea && this.#isCid(task, access)) gathered.isGlobal = true;
    }
    return { use, accesses, isVisible, writesArea };
  }

  #useAt(task: Task, address: number): InstructionUse {
    let use = this.#uses.get(address);
    if (use === undefined) {
      const { memory } = this.#explorer.machine.kernel.rseqContext(task);
      const code = memory.read(address, INSTRUCTION_BYTES_MAX);
      use = code === undefined ? NO_USE : decodeUse(code, address);
      this.#uses.set(address, use);
    }
    return use;
  }

  #isInArea({ rseq }: Task, { address, sizeBytes }: EventAccess): boolean {
    if (rseq === undefined) return false;
    const end = rseq.address + rseq.lengthBytes;
    return address < end && address + sizeBytes > rseq.address;
  }

  /** What the kernel does there at a hand-over is no event of its own. */
  #isInSomeArea(access: EventAccess): boolean {
    const { tasks } = this.#explorer.machine.kernel.state;
    return tasks.some((task) => task.state.kind !== 'dead' && this.#isInArea(task, access));
  }

  /** What else than the arming word a task's rseq area holds, but for its concurrency id. */
  areaOf(id: number): string {
    const task = this.#task(id);
    if (task.rseq === undefined) return '';
    const { memory } = this.#explorer.machine.kernel.rseqContext(task);
    const area = memory.read(task.rseq.address, Math.min(task.rseq.lengthBytes, RSEQ_AREA.mmCid));
    return [...(area ?? [])].map((byte, at) => (isArmingByte(at) ? 0 : byte)).join(' ');
  }

  /** The concurrency id depends on who runs on all other vCPUs. */
  #isCid({ rseq }: Task, { address, sizeBytes }: EventAccess): boolean {
    if (rseq === undefined) return false;
    const cid = rseq.address + RSEQ_AREA.mmCid;
    return address < cid + 4 && address + sizeBytes > cid;
  }

  #execute(id: number, { use, accesses }: NextInstruction, gathered: Gathered): void {
    const { machine, driver } = this.#explorer;
    const task = this.#task(id);
    const { memory } = machine.kernel.rseqContext(task);
    const writes = gathered.changed ? [] : accesses.filter(({ isWrite }) => isWrite);
    const before = writes.map(({ address, sizeBytes }) => memory.read(address, sizeBytes));
    if (use.readsClock) gathered.isGlobal = true;
    if (use.isSyscall) {
      const scope = scopeOf(this.#callOf(id), task);
      gathered.objects.push(...scope.objects);
      gathered.isGlobal ||= scope.isGlobal;
      gathered.changed ||= !scope.isIdle;
      memory.observer = (kind, address, sizeBytes) => {
        const access: EventAccess = { address, sizeBytes, isWrite: kind === 'write' };
        if (this.#isInSomeArea(access)) return;
        this.#shared.note(id, access);
        if (this.#shared.isShared(access)) gathered.accesses.push(access);
      };
    }
    const retired = machine.instructions;
    driver.run(task, 1);
    memory.observer = undefined;
    if (machine.instructions === retired) gathered.isGlobal = true;
    gathered.accesses.push(...accesses.filter((access) => this.#shared.isShared(access)));
    gathered.changed ||= writes.some(
      ({ address, sizeBytes }, index) => !isEqual(before[index], memory.read(address, sizeBytes)),
    );
  }

  #callOf(id: number): PendingCall {
    const registers = this.#explorer.machine.kernel.host.registers(id);
    return {
      number: Number(BigInt.asIntN(32, registers.read('rax'))),
      args: CALL_ARGUMENTS.map((name) => registers.read(name)),
    };
  }
}

function isArmingByte(offset: number): boolean {
  return offset >= RSEQ_AREA.rseqCs && offset < RSEQ_AREA.flags;
}

function isWithin(region: ArmedRegion | undefined, address: number): boolean {
  return region !== undefined && address >= (region.start ?? 0) && address < region.end;
}

/** Of code that is not there: it faults. */
const NO_USE: InstructionUse = {
  memory: [],
  isSyscall: false,
  readsClock: false,
  mayTrap: true,
  isStraight: false,
  lengthBytes: 0,
};

function isEqual(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.every((byte, index) => byte === b[index]);
}
