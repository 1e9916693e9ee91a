import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { assert } from '../../../kernel-model/assert.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import { effectiveAddress } from '../../engine/decode/instruction.ts';
import { decodeMemoryAccess, type MemoryAccess } from '../../engine/decode/memory-access.ts';
import type { Outcome } from '../../machine/outcome.ts';
import type { Driver } from './driver.ts';
import { type LoneInstruction, SectionMap, type TracedInstruction } from './section-map.ts';
import { type Access, SharedAccesses } from './shared-accesses.ts';
import type { LeftOutEntries } from './unit.ts';

/** Instructions of each task that are traced one by one; beyond them it runs on. */
const TRACED_INSTRUCTIONS_MAX = 20_000;
const INSTRUCTION_BYTES_MAX = 15;
const GRANULE_BYTES = 8;
const SYSCALL_BYTES = [0x0f, 0x05];

/** What runs without interruption teach. */
export interface Lesson {
  readonly map: SectionMap;
  readonly leftOut: readonly LeftOutEntries[];
  /** How the plain run ended. */
  readonly outcome: Outcome;
}

/**
 * Runs the program without interruption, and learns where it can matter to interrupt it: from the plain
 * run, and from one in which those go first who come last there, as there are instructions that a task
 * only comes to after what another has done. Entries of a section or an access beyond the first
 * `entriesMax` of the plain run are left out. `boot` starts the program.
 */
export function learnBoundaries(boot: () => Driver, entriesMax: number): Lesson {
  const learner = new Learner();
  const driver = boot();
  learner.watch(driver, true);
  const { outcome } = driver.machine;
  assert(outcome !== undefined, 'no task runs any more');
  learner.watch(boot(), false);
  const map = learner.conclude();
  return { map, leftOut: map.beyond(entriesMax), outcome };
}

/** Takes runs in, instruction by instruction. */
class Learner {
  readonly #map = new SectionMap();
  readonly #accesses = new SharedAccesses();
  readonly #exposures = new Exposures();
  readonly #sends = new Executions();
  readonly #decoded = new Map<number, Decoded>();

  /** Takes a run in, from its start to its end; `isPlain`: the one whose entries count. */
  watch(driver: Driver, isPlain: boolean): void {
    const traces = new Map<number, TracedInstruction[]>();
    const order = new LastFirst();
    for (;;) {
      if (!isPlain) order.apply(driver);
      const task = driver.nextTask();
      if (task === undefined) break;
      const trace = traces.get(task.id) ?? [];
      traces.set(task.id, trace);
      if (trace.length >= TRACED_INSTRUCTIONS_MAX) {
        driver.run(task, Number.POSITIVE_INFINITY);
        continue;
      }
      const address = driver.addressOf(task);
      trace.push({ address, region: driver.regionOf(task) });
      const instruction = decodeNext(driver, task, address, this.#decoded);
      const access = accessOf(driver, task, address, instruction);
      if (access !== undefined) this.#accesses.note(access, isPlain);
      const next = { isSyscall: instruction.isSyscall, access };
      this.#exposures.note(driver, task, address, next, isPlain);
      if (instruction.isSyscall && driver.sendsSignal(task)) {
        this.#sends.note(task.id, address, isPlain);
      }
      driver.run(task, 1);
    }
    for (const [task, trace] of traces) this.#map.learn(task, trace, isPlain);
  }

  conclude(): SectionMap {
    for (const found of [this.#accesses.shared(), this.#exposures.found.all]) {
      for (const one of found) this.#map.addLone('access', one);
    }
    for (const one of this.#sends.all) this.#map.addLone('signal', one);
    return this.#map;
  }
}

/** Of what is ready to run, what became so last goes first; nobody is interrupted for it. */
class LastFirst {
  #busy: ReadonlySet<number> = new Set();

  /** Takes the decision that comes before the continuation policy's, if there is one. */
  apply(driver: Driver): void {
    const { machine } = driver;
    if (machine.outcome !== undefined) return;
    const { vcpus } = machine.kernel.state;
    const busy = vcpus.filter(({ current, queue }) => current !== 0 || queue.length > 0);
    const woken = busy.find(({ id }) => !this.#busy.has(id));
    this.#busy = new Set(busy.map(({ id }) => id));
    if (woken !== undefined && woken.id !== driver.turn) driver.turnTo(woken.id);
    const own = vcpus[driver.turn];
    const last = own?.queue.at(-1);
    if (own === undefined || last === undefined || own.queue.length === 1) return;
    if (own.current !== 0 && !own.needResched) return;
    machine.apply({ kind: 'switch', vcpu: own.id, task: last });
    driver.turnTo(own.id);
  }
}

interface Decoded {
  readonly access: MemoryAccess | undefined;
  readonly isSyscall: boolean;
}

const NOTHING: Decoded = { access: undefined, isSyscall: false };

function decodeNext(
  { machine }: Driver,
  task: Task,
  address: number,
  decoded: Map<number, Decoded>,
): Decoded {
  let instruction = decoded.get(address);
  if (instruction === undefined) {
    const { memory } = machine.kernel.rseqContext(task);
    const code = memory.read(address, INSTRUCTION_BYTES_MAX);
    instruction =
      code === undefined
        ? NOTHING
        : {
            access: decodeMemoryAccess(code, address),
            isSyscall: code[0] === SYSCALL_BYTES[0] && code[1] === SYSCALL_BYTES[1],
          };
    decoded.set(address, instruction);
  }
  return instruction;
}

/** What the task's next instruction accesses, if it has a memory operand. */
function accessOf(
  { machine }: Driver,
  task: Task,
  address: number,
  { access }: Decoded,
): (Access & { readonly linear: bigint }) | undefined {
  if (access === undefined) return undefined;
  const registers = machine.kernel.host.registers(task.id);
  const linear = effectiveAddress(access.operand, (name) => registers.read(name));
  return {
    task: task.id,
    address,
    granule: Number(linear / BigInt(GRANULE_BYTES)),
    writes: access.writes,
    linear,
  };
}

/** Counts how often tasks execute certain instructions. */
class Executions {
  readonly #found = new Map<string, { task: number; address: number; executions: number }>();

  get all(): Iterable<LoneInstruction> {
    return this.#found.values();
  }

  note(task: number, address: number, isCounted: boolean): void {
    const name = `${task} ${address}`;
    const known = this.#found.get(name) ?? { task, address, executions: 0 };
    if (isCounted) known.executions++;
    this.#found.set(name, known);
  }
}

/**
 * Where a task goes on with what a reschedule would change, outside sections: after it read ids of
 * its area, and after a system call with a descriptor still armed, which may have taken the
 * descriptor's memory away.
 */
class Exposures {
  readonly found = new Executions();
  readonly #exposed = new Set<number>();

  /** The task is about to execute an instruction. */
  note(
    driver: Driver,
    task: Task,
    address: number,
    next: { readonly isSyscall: boolean; readonly access: { readonly linear: bigint } | undefined },
    isCounted: boolean,
  ): void {
    if (this.#exposed.delete(task.id)) this.found.note(task.id, address, isCounted);
    const readsIds = next.access !== undefined && isId(task, next.access.linear);
    if (readsIds || (next.isSyscall && driver.armedWord(task) !== 0)) this.#exposed.add(task.id);
  }
}

/** Whether an address is that of an id in the task's area: not of rseq_cs or flags. */
function isId(task: Task, linear: bigint): boolean {
  if (task.rseq === undefined) return false;
  const offset = Number(linear) - task.rseq.address;
  if (offset < 0 || offset >= task.rseq.lengthBytes) return false;
  return offset < RSEQ_AREA.rseqCs || offset >= RSEQ_AREA.nodeId;
}
