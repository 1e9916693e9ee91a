import { CLONE } from '../abi/clone.ts';
import {
  RSEQ_AREA,
  RSEQ_EVENT_MIGRATE,
  RSEQ_EVENT_PREEMPT,
  RSEQ_EVENT_SIGNAL,
} from '../abi/rseq.ts';
import { assert } from '../assert.ts';
import { type GuestAddress, TASK_SIZE_WORD } from '../hardware/address.ts';
import type { Task } from '../task/task.ts';
import {
  findDescriptorDefect,
  isInside,
  readDescriptor,
  readSoundRegion,
  toRegion,
} from './descriptor.ts';
import { RSEQ_SYSCALL } from './registration.ts';
import {
  type ArmedRegion,
  type KernelProfile,
  NO_RANGES,
  RESUMED,
  type ResumeOutcome,
  type RseqContext,
  type RseqRegistration,
  type RseqVariant,
} from './variant.ts';

const SYS_RSEQ = 334;
const NODE_ID = 0;

/**
 * rseq as in Linux 6.15 to 6.18 (kernel/rseq.c before the 6.19 rewrite): events are recorded at every
 * context switch, migration, handler delivery and rseq membarrier; the hook before the return to user
 * mode fixes the instruction pointer, then writes the ids unconditionally.
 */
const variant: RseqVariant = {
  auxv: { featureSizeBytes: RSEQ_AREA.end, alignBytes: 32 },
  syscalls: { [SYS_RSEQ]: RSEQ_SYSCALL },

  onSwitchOut(task) {
    record(task, RSEQ_EVENT_PREEMPT);
  },
  onMigrate(task) {
    record(task, RSEQ_EVENT_MIGRATE);
  },
  onMembarrier(task) {
    record(task, RSEQ_EVENT_PREEMPT);
  },
  onSignal(context) {
    record(context.task, RSEQ_EVENT_SIGNAL);
    return onResume(context);
  },
  onResume,

  onClone(parent, child, flags) {
    if ((flags & CLONE.VM) !== 0n) return;
    child.rseq = parent.rseq;
    child.rseqEvents = parent.rseqEvents;
    child.notifyResume = parent.rseq !== undefined;
  },

  armedRegion({ task, memory }): ArmedRegion | undefined {
    if (task.rseq === undefined) return undefined;
    const pointer = memory.readU64(task.rseq.address + RSEQ_AREA.rseqCs);
    if (pointer === undefined || pointer === 0n) return undefined;
    const descriptor = readDescriptor(memory, pointer);
    return descriptor === undefined ? undefined : toRegion(descriptor);
  },

  armingWord(task): GuestAddress | undefined {
    return task.rseq === undefined
      ? undefined
      : ((task.rseq.address + RSEQ_AREA.rseqCs) as GuestAddress);
  },
  standingRegions: () => NO_RANGES,
};

/** rseq_preempt, rseq_migrate: sets the event bit and TIF_NOTIFY_RESUME of a registered thread. */
function record(task: Task, event: number): void {
  task.rseqEvents |= event;
  if (task.rseq !== undefined) task.notifyResume = true;
}

/** __rseq_handle_notify_resume: fix-up first, then the ids; any failure forces SIGSEGV. */
function onResume(context: RseqContext): ResumeOutcome {
  const { task } = context;
  task.notifyResume = false;
  const registration = task.rseq;
  if (registration === undefined) return RESUMED;
  const outcome = fixInstructionPointer(context, registration);
  if (outcome.kind === 'fatal') return outcome;
  if (!writeIds(context, registration)) return fatal('the rseq area is not writable');
  return outcome;
}

/** rseq_ip_fixup with rseq_get_rseq_cs and rseq_need_restart. */
function fixInstructionPointer(
  context: RseqContext,
  registration: RseqRegistration,
): ResumeOutcome {
  const { memory, registers } = context;
  const cell = registration.address + RSEQ_AREA.rseqCs;
  if (memory.isZeroU64(cell)) return clear(context, cell);
  const sound = readSoundRegion(memory, memory.readU64AsNumber(cell), registration.signature);
  if (sound !== undefined) {
    const ip = registers.instructionPointer;
    const isInside = ip >= (sound.start ?? 0) && ip < sound.end;
    return isInside ? restart(context, registration, sound) : clear(context, cell);
  }
  const pointer = memory.readU64(cell);
  if (pointer === undefined) return fatal('the rseq area is not readable');
  if (pointer >= TASK_SIZE_WORD) return fatal('rseq_cs is not a user address');
  const descriptor = readDescriptor(memory, pointer);
  if (descriptor === undefined) return fatal('the descriptor is not readable');
  const defect = findDescriptorDefect(memory, descriptor, registration.signature);
  if (defect !== undefined) return fatal(defect);
  if (!isInside(descriptor, BigInt(registers.instructionPointer))) return clear(context, cell);
  if (descriptor.flags !== 0) return fatal(`descriptor flags 0x${descriptor.flags.toString(16)}`);
  const region = toRegion(descriptor);
  assert(region !== undefined, 'a descriptor without defects is a region');
  return restart(context, registration, region);
}

/** clear_rseq_cs: the store happens even if the word is zero already. */
function clear({ memory }: RseqContext, cell: number): ResumeOutcome {
  return memory.writeU32Pair(cell, 0, 0) ? RESUMED : fatal('the rseq area is not writable');
}

/** rseq_need_restart and what follows it: the task is inside `region`. */
function restart(
  context: RseqContext,
  registration: RseqRegistration,
  region: ArmedRegion,
): ResumeOutcome {
  const { task, memory, registers } = context;
  const flags = memory.readU32(registration.address + RSEQ_AREA.flags);
  if (flags === undefined) return fatal('the rseq area is not readable');
  if (flags !== 0) return fatal(`struct rseq flags 0x${flags.toString(16)}`);
  const events = task.rseqEvents;
  task.rseqEvents = 0;
  if (events === 0) return RESUMED;
  const cleared = clear(context, registration.address + RSEQ_AREA.rseqCs);
  if (cleared.kind === 'fatal') return cleared;
  const from = registers.instructionPointer;
  registers.instructionPointer = region.abort ?? 0;
  return { kind: 'aborted', region, from };
}

/** rseq_update_cpu_node_id. */
function writeIds({ task, memory }: RseqContext, { address }: RseqRegistration): boolean {
  return (
    memory.writeU32Pair(address + RSEQ_AREA.cpuIdStart, task.vcpu, task.vcpu) &&
    memory.writeU32Pair(address + RSEQ_AREA.nodeId, NODE_ID, task.mmCid)
  );
}

function fatal(reason: string): ResumeOutcome {
  return { kind: 'fatal', reason };
}

export const LINUX_6_18: KernelProfile = {
  name: 'linux-6.18',
  era: 'mainline 6.15 to 6.18 (2025)',
  aliases: ['6.15', '6.16', '6.17', '6.18'],
  differences: [
    'all ids (cpu_id_start, cpu_id, node_id, mm_cid) are rewritten at every reschedule',
    'descriptors are validated at every reschedule, even when the task is outside the section',
    'non-zero flags, in the descriptor or in struct rseq, are fatal inside a section',
    'a stale rseq_cs is cleared at registration',
  ],
  sources: ['kernel/rseq.c of Linux 6.15 to 6.18', 'docs/abi/linux-6.18.md (observed on 6.18.44)'],
  inferred: [],
  release: '6.18.0-rseq-testbed',
  lastSyscall: 469,
  rseq: variant,
};
