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
  const decoded = new Map<number, MemoryAccess | undefined>();
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
    const access = accessOf(driver, task, address, decoded);
    if (access !== undefined) accesses.note(access);
    driver.run(task, 1);
  }
  const map = new SectionMap();
  for (const [task, trace] of traces) map.learn(task, trace);
  for (const { task, address, executions } of accesses.shared()) {
    map.addShared(task, address, executions);
  }
  const { outcome } = driver.machine;
  assert(outcome !== undefined, 'no task runs any more');
  return { map, leftOut: map.beyond(entriesMax), outcome };
}

/** What the task's next instruction accesses, if it has a memory operand. */
function accessOf(
  { machine }: Driver,
  task: Task,
  address: number,
  decoded: Map<number, MemoryAccess | undefined>,
): Access | undefined {
  const { kernel } = machine;
  if (!decoded.has(address)) {
    const { memory } = kernel.rseqContext(task);
    const code = memory.read(address, INSTRUCTION_BYTES_MAX);
    decoded.set(address, code === undefined ? undefined : decodeMemoryAccess(code, address));
  }
  const access = decoded.get(address);
  if (access === undefined) return undefined;
  const registers = kernel.host.registers(task.id);
  const linear = effectiveAddress(access.operand, (name) => registers.read(name));
  return {
    task: task.id,
    address,
    granule: Number(linear / BigInt(GRANULE_BYTES)),
    writes: access.writes,
  };
}
