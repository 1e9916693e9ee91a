import {
  RSEQ_AREA,
  RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE,
  RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT,
  RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL,
  RSEQ_EVENT_MIGRATE,
  RSEQ_EVENT_PREEMPT,
  RSEQ_EVENT_SIGNAL,
  SYS_RSEQ,
} from '../abi/rseq.ts';
import { assert } from '../assert.ts';
import { TASK_SIZE_WORD } from '../hardware/address.ts';
import type { Task } from '../task/task.ts';
import {
  armedRegionOf,
  armingWordOf,
  clearPointer,
  fatal,
  writeAllIds,
  writeCpuIds,
} from './area.ts';
import { findDescriptorDefect, isInside, readDescriptor, toRegion } from './descriptor.ts';
import { resumeOrdinarily } from './ordinary.ts';
import { type AreaShape, clearStalePointer, initialiseIds, rseqSyscall } from './registration.ts';
import {
  type ArmedRegion,
  NO_RANGES,
  RESUMED,
  type ResumeOutcome,
  type RseqContext,
  type RseqRegistration,
  type RseqVariant,
} from './variant.ts';

/** Where the kernels from 4.18 to 6.18 differ from each other. */
export interface ClassicTraits {
  readonly auxv: RseqVariant['auxv'];
  readonly shape: AreaShape;
  readonly refusesUnregisterFlags: boolean;
  /** The flag of clone(2) that leaves the child unregistered. */
  readonly unregisteredBy: bigint;
  /**
   * What flags other than zero do to a task inside a section: 'filter' takes each as an event that
   * does not restart it, 'fatal' kills.
   */
  readonly flags: 'filter' | 'fatal';
  /** node_id and mm_cid are there, besides the CPU numbers. */
  readonly hasNodeAndCid: boolean;
  /** Registering reads rseq_cs, and clears a stale one. */
  readonly clearsStalePointer: boolean;
}

/** Options of a build that no program can ask for. */
export interface BuildOptions {
  /** CONFIG_DEBUG_RSEQ, or rseq_debug= since 6.19. */
  readonly debug: boolean;
}

const NO_RESTART_ON_PREEMPT_AND_MIGRATE =
  RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT | RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE;

/**
 * rseq as in Linux 4.18 to 6.18 (kernel/rseq.c before the 6.19 rewrite): events are recorded at every
 * context switch, migration, handler delivery and rseq membarrier; the hook before the return to user
 * mode fixes the instruction pointer, then writes the ids unconditionally.
 */
export function classicVariant(traits: ClassicTraits, { debug }: BuildOptions): RseqVariant {
  const { auxv, shape, refusesUnregisterFlags, unregisteredBy, hasNodeAndCid } = traits;
  const filtersEvents = traits.flags === 'filter';
  const writeIds = hasNodeAndCid ? writeAllIds : writeCpuIds;

  /** __rseq_handle_notify_resume: fix-up first, then the ids; any failure forces SIGSEGV. */
  function onResume(context: RseqContext): ResumeOutcome {
    const { task } = context;
    task.notifyResume = false;
    const registration = task.rseq;
    if (registration === undefined) return RESUMED;
    const ordinary = resumeOrdinarily(context, registration, hasNodeAndCid);
    if (ordinary !== undefined) return ordinary;
    const outcome = fixInstructionPointer(context, registration, filtersEvents);
    if (outcome.kind === 'fatal') return outcome;
    if (!writeIds(context.memory, registration.address, task)) {
      return fatal('the rseq area is not writable');
    }
    return outcome;
  }

  return {
    auxv,
    syscalls: {
      [SYS_RSEQ]: rseqSyscall({
        shape,
        registerFlags: 0,
        refusesUnregisterFlags,
        prepareArea: (memory, area) =>
          !traits.clearsStalePointer || clearStalePointer(memory, area),
        onRegistered: () => undefined,
        resetArea: (memory, area) => initialiseIds(memory, area, 0, hasNodeAndCid),
        isResetFaultFatal: false,
      }),
    },
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
    ...(debug && { onSyscallExit: refuseSyscallInside }),
    onResume,

    /** rseq_fork; wake_up_new_task sets the child's CPU, which is a migration. */
    onClone(parent, child, flags) {
      if ((flags & unregisteredBy) !== 0n) return;
      child.rseq = parent.rseq;
      child.rseqEvents = parent.rseqEvents;
      record(child, RSEQ_EVENT_MIGRATE);
    },
    armedRegion: (context) => armedRegionOf(context, 'strict'),
    armingWord: armingWordOf,
    standingRegions: () => NO_RANGES,
  };
}

/** rseq_preempt, rseq_migrate: sets the event bit and TIF_NOTIFY_RESUME of a registered thread. */
function record(task: Task, event: number): void {
  task.rseqEvents |= event;
  if (task.rseq !== undefined) task.notifyResume = true;
}

/** rseq_syscall of CONFIG_DEBUG_RSEQ: no system call may end inside a section. */
function refuseSyscallInside({ task, memory, registers }: RseqContext): ResumeOutcome {
  if (task.rseq === undefined) return RESUMED;
  const pointer = memory.readU64(task.rseq.address + RSEQ_AREA.rseqCs);
  if (pointer === undefined) return fatal('the rseq area is not readable');
  if (pointer === 0n) return RESUMED;
  const descriptor = readDescriptor(memory, pointer);
  if (descriptor === undefined) return fatal('the descriptor is not readable');
  const defect = findDescriptorDefect(memory, descriptor, task.rseq.signature);
  if (defect !== undefined) return fatal(defect);
  return isInside(descriptor, BigInt(registers.instructionPointer))
    ? fatal('a system call inside a section')
    : RESUMED;
}

/** rseq_ip_fixup with rseq_get_rseq_cs and rseq_need_restart. */
function fixInstructionPointer(
  context: RseqContext,
  registration: RseqRegistration,
  filtersEvents: boolean,
): ResumeOutcome {
  const { memory, registers } = context;
  const cell = registration.address + RSEQ_AREA.rseqCs;
  const pointer = memory.readU64(cell);
  if (pointer === undefined) return fatal('the rseq area is not readable');
  if (pointer === 0n) return clearPointer(memory, cell);
  if (pointer >= TASK_SIZE_WORD) return fatal('rseq_cs is not a user address');
  const descriptor = readDescriptor(memory, pointer);
  if (descriptor === undefined) return fatal('the descriptor is not readable');
  const defect = findDescriptorDefect(memory, descriptor, registration.signature);
  if (defect !== undefined) return fatal(defect);
  if (!isInside(descriptor, BigInt(registers.instructionPointer))) {
    return clearPointer(memory, cell);
  }
  const region = toRegion(Number(pointer), descriptor, 'loose');
  assert(region !== undefined, 'a section that a task is inside of is a region');
  return restart(context, registration, region, descriptor.flags, filtersEvents);
}

/** rseq_need_restart and what follows it: the task is inside `region`. */
function restart(
  context: RseqContext,
  registration: RseqRegistration,
  region: ArmedRegion,
  descriptorFlags: number,
  filtersEvents: boolean,
): ResumeOutcome {
  const { task, memory, registers } = context;
  if (!filtersEvents && descriptorFlags !== 0) {
    return fatal(`descriptor flags 0x${descriptorFlags.toString(16)}`);
  }
  const areaFlags = memory.readU32(registration.address + RSEQ_AREA.flags);
  if (areaFlags === undefined) return fatal('the rseq area is not readable');
  if (!filtersEvents && areaFlags !== 0) {
    return fatal(`struct rseq flags 0x${areaFlags.toString(16)}`);
  }
  const flags = areaFlags | descriptorFlags;
  if (inhibitsOnlySignals(flags)) {
    return fatal('flags inhibit a restart by signals and not by preemption and migration');
  }
  const events = task.rseqEvents & ~flags;
  task.rseqEvents = 0;
  if (events === 0) return RESUMED;
  const cleared = clearPointer(memory, registration.address + RSEQ_AREA.rseqCs);
  if (cleared.kind === 'fatal') return cleared;
  const from = registers.instructionPointer;
  registers.instructionPointer = region.abort ?? 0;
  return { kind: 'aborted', region, from };
}

/** A signal handler that is preempted could not restart what it interrupted. */
function inhibitsOnlySignals(flags: number): boolean {
  const others = flags & NO_RESTART_ON_PREEMPT_AND_MIGRATE;
  const isSignalInhibited = (flags & RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL) !== 0;
  return isSignalInhibited && others !== NO_RESTART_ON_PREEMPT_AND_MIGRATE;
}
