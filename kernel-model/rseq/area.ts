import { RSEQ_AREA } from '../abi/rseq.ts';
import { type GuestAddress, TASK_SIZE_WORD } from '../hardware/address.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { Task } from '../task/task.ts';
import { type RegionBounds, readSectionWords, toRegion } from './descriptor.ts';
import { type ArmedRegion, RESUMED, type ResumeOutcome, type RseqContext } from './variant.ts';

/** There is one NUMA node. */
export const NODE_ID = 0;

/** Why the kernel forces SIGSEGV; for messages. */
export function fatal(reason: string): ResumeOutcome {
  return { kind: 'fatal', reason };
}

/** clear_rseq_cs: the store happens even if the word is zero already. */
export function clearPointer(memory: UserMemory, cell: number): ResumeOutcome {
  return memory.writeU32Pair(cell, 0, 0) ? RESUMED : fatal('the rseq area is not writable');
}

/** rseq_update_cpu_id, of kernels before 6.3: both CPU numbers. */
export function writeCpuIds(memory: UserMemory, area: number, { vcpu }: Task): boolean {
  return memory.writeU32Pair(area + RSEQ_AREA.cpuIdStart, vcpu, vcpu);
}

/** rseq_update_cpu_node_id: both CPU numbers, node_id and mm_cid. */
export function writeAllIds(memory: UserMemory, area: number, { vcpu, mmCid }: Task): boolean {
  return (
    memory.writeU32Pair(area + RSEQ_AREA.cpuIdStart, vcpu, vcpu) &&
    memory.writeU32Pair(area + RSEQ_AREA.nodeId, NODE_ID, mmCid)
  );
}

/** Whether the four ids are what the kernel last wrote for a task on `vcpu` with `mmCid`. */
export function hasIds(memory: UserMemory, area: number, vcpu: number, mmCid: number): boolean {
  return (
    memory.readU32(area + RSEQ_AREA.cpuIdStart) === vcpu &&
    memory.readU32(area + RSEQ_AREA.cpuId) === vcpu &&
    memory.readU32(area + RSEQ_AREA.nodeId) === NODE_ID &&
    memory.readU32(area + RSEQ_AREA.mmCid) === mmCid
  );
}

/** RseqVariant.armedRegion of all kernels with rseq_cs: what it points to, if the kernel takes that. */
export function armedRegionOf(
  { task, memory }: RseqContext,
  bounds: RegionBounds,
): ArmedRegion | undefined {
  if (task.rseq === undefined) return undefined;
  const pointer = memory.readU64(task.rseq.address + RSEQ_AREA.rseqCs);
  if (pointer === undefined || pointer === 0n || pointer >= TASK_SIZE_WORD) return undefined;
  const source = Number(pointer);
  const words = readSectionWords(memory, source);
  return words === undefined ? undefined : toRegion(source, words, bounds);
}

/** RseqVariant.armingWord of the same kernels: rseq_cs. */
export function armingWordOf(task: Task): GuestAddress | undefined {
  return task.rseq === undefined
    ? undefined
    : ((task.rseq.address + RSEQ_AREA.rseqCs) as GuestAddress);
}
