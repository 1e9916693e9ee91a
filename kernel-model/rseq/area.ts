import { RSEQ_AREA } from '../abi/rseq.ts';
import type { GuestAddress } from '../hardware/address.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { Task } from '../task/task.ts';
import { readDescriptor, toRegion } from './descriptor.ts';
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

/** RseqVariant.armedRegion of all mainline kernels: what rseq_cs points to, if it makes sense. */
export function armedRegionOf({ task, memory }: RseqContext): ArmedRegion | undefined {
  if (task.rseq === undefined) return undefined;
  const pointer = memory.readU64(task.rseq.address + RSEQ_AREA.rseqCs);
  if (pointer === undefined || pointer === 0n) return undefined;
  const descriptor = readDescriptor(memory, pointer);
  return descriptor === undefined ? undefined : toRegion(descriptor);
}

/** RseqVariant.armingWord of all mainline kernels: rseq_cs. */
export function armingWordOf(task: Task): GuestAddress | undefined {
  return task.rseq === undefined
    ? undefined
    : ((task.rseq.address + RSEQ_AREA.rseqCs) as GuestAddress);
}
