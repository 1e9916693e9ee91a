import { RESUMED, type ResumeOutcome, type RseqContext, type RseqVariant } from '../variant.ts';
import { AREA_NOT_WRITABLE, inheritUnlessThread, NO_REGIONS, requestWork } from './parts.ts';

/**
 * An ABI that only tells a thread its CPU number, in a u32 at `cpuOffset` of what it registered:
 * written after a migration, an unwritable word is SIGSEGV, and no code is ever aborted.
 */
export function cpuNumberOnly(cpuOffset: number): Omit<RseqVariant, 'auxv' | 'syscalls'> {
  const onResume = ({ task, memory }: RseqContext): ResumeOutcome => {
    task.notifyResume = false;
    if (task.rseq === undefined) return RESUMED;
    return memory.writeU32(task.rseq.address + cpuOffset, task.vcpu) ? RESUMED : AREA_NOT_WRITABLE;
  };
  return {
    ...NO_REGIONS,
    onSwitchOut: () => {},
    onMigrate: requestWork,
    onMembarrier: () => {},
    onSignal: () => RESUMED,
    onResume,
    onClone: inheritUnlessThread,
  };
}
