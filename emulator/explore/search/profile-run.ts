import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { assert } from '../../../kernel-model/assert.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import { effectiveAddress } from '../../engine/decode/instruction.ts';
import { decodeMemoryAccess, type MemoryAccess } from '../../engine/decode/memory-access.ts';
import type { Outcome } from '../../machine/outcome.ts';
import type { Driver } from './driver.ts';
import { SectionMap, type TracedInstruction } from './section-map.ts';
import { type Access, SharedAccesses } from './shared-accesses.ts';
import type { LeftOutEntries } from './unit.ts';

/** Instructions of each task that are traced one by one; beyond them it runs on. */
const TRACED_INSTRUCTIONS_MAX = 20_000;
const INSTRUCTION_BYTES_MAX = 15;
const GRANULE_BYTES = 8;
const SYSCALL_BYTES = [0x0f, 0x05];

/** What a run without interruption teaches. */
export interface Lesson {
  readonly map: SectionMap;
  readonly leftOut: readonly LeftOutEntries[];
  /** How the run ended. */
  readonly outcome: Outcome;
}

/**
 * Runs the program once without interruption, and learns where it can matter to interrupt it. Entries of
 * a section or an access beyond the first `entriesMax` are left out.
 */
export function learnBoundaries(driver: Driver, entriesMax: number): Lesson {
  const traces = new Map<number, TracedInstruction[]>();
  const accesses = new SharedAccesses();
  const decoded = new Map<number, Decoded>();
  const exposures = new Exposures();
  for (;;) {
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
    const instruction = decodeNext(driver, task, address, decoded);
    const access = accessOf(driver, task, address, instruction);
    if (access !== undefined) accesses.note(access);
    exposures.note(driver, task, address, { isSyscall: instruction.isSyscall, access });
    driver.run(task, 1);
  }
  const map = new SectionMap();
  for (const [task, trace] of traces) map.learn(task, trace);
  for (const { task, address, executions } of accesses.shared()) {
    map.addShared(task, address, executions);
  }
  for (const { task, address, executions } of exposures.found) {
    map.addShared(task, address, executions);
  }
  const { outcome } = driver.machine;
  assert(outcome !== undefined, 'no task runs any more');
  return { map, leftOut: map.beyond(entriesMax), outcome };
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

/**
 * Where a task goes on with what a reschedule would change, outside sections: after it read ids of
 * its area, and after a system call with a descriptor still armed, which may have taken the
 * descriptor's memory away.
 */
class Exposures {
  readonly #found = new Map<string, { task: number; address: number; executions: number }>();
  readonly #exposed = new Set<number>();

  get found(): Iterable<{ task: number; address: number; executions: number }> {
    return this.#found.values();
  }

  /** The task is about to execute an instruction. */
  note(
    driver: Driver,
    task: Task,
    address: number,
    next: { readonly isSyscall: boolean; readonly access: { readonly linear: bigint } | undefined },
  ): void {
    if (this.#exposed.delete(task.id)) {
      const name = `${task.id} ${address}`;
      const known = this.#found.get(name) ?? { task: task.id, address, executions: 0 };
      known.executions++;
      this.#found.set(name, known);
    }
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
