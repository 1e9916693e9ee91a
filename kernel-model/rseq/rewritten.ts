import { CLONE } from '../abi/clone.ts';
import {
  ORIG_RSEQ_SIZE,
  RSEQ_AREA,
  RSEQ_CPU_ID_UNINITIALIZED,
  RSEQ_SLICE_CTRL,
  SYS_RSEQ,
  SYS_RSEQ_SLICE_YIELD,
} from '../abi/rseq.ts';
import type { GuestAddress } from '../hardware/address.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { Task } from '../task/task.ts';
import { armedRegionOf, armingWordOf, fatal, hasIds, writeAllIds } from './area.ts';
import type { BuildOptions } from './classic.ts';
import { evaluateSection } from './evaluation.ts';
import {
  type AreaShape,
  initialiseIds,
  type RegistrationRequest,
  type RegistrationRules,
  rseqSyscall,
} from './registration.ts';
import { initialAreaFlags, initialSlice, SLICE_YIELD, sliceExtension } from './slice.ts';
import {
  NO_RANGES,
  RESUMED,
  type ResumeOutcome,
  type RseqContext,
  type RseqRegistration,
  type RseqVariant,
} from './variant.ts';

/** Where the kernels from 6.19 on differ from each other. */
export interface RewrittenTraits {
  readonly auxv: RseqVariant['auxv'];
  readonly shape: AreaShape;
  /** Flags that a registration may have. */
  readonly registerFlags: number;
  /** What unregistering leaves in cpu_id_start. */
  readonly unregisteredCpuIdStart: number;
  /** Which registrations can have their time slice extended. */
  readonly slices: 'none' | 'all' | 'v2';
  /** A registration of 32 bytes is version 1: its ids are rewritten as kernels up to 6.18 did. */
  readonly hasLegacyMode: boolean;
}

/** Options of a build, or readings of its documentation. */
export interface RewrittenOptions extends BuildOptions {
  /** Sections of version 1 are evaluated after every switch, those in system calls too. */
  readonly evaluatesLegacyAlways: boolean;
}

/** Bits of Task.rseqEvents (struct rseq_event); user_irq is Task.entry. */
const SCHED_SWITCH = 1;
const IDS_CHANGED = 2;

/** Task.rseqIds before the first ids were written, and otherwise. */
const IDS_UNINITIALIZED = -1;
const CID_SHIFT = 2 ** 16;

/** What Task.rseqIds is when these were written (struct rseq_ids). */
export function packIds({ vcpu, mmCid }: Pick<Task, 'vcpu' | 'mmCid'>): number {
  return mmCid * CID_SHIFT + vcpu;
}

/** All that distinguishes one such kernel. */
type Rules = RewrittenTraits & RewrittenOptions;

/** RSEQ_ABI_V2 (rseq_v2), of kernels that tell versions apart. */
function isV2(rules: Rules, lengthBytes: number): boolean {
  return rules.hasLegacyMode && lengthBytes > ORIG_RSEQ_SIZE;
}

function isLegacy(rules: Rules, { lengthBytes }: RseqRegistration): boolean {
  return rules.hasLegacyMode && !isV2(rules, lengthBytes);
}

function hasSlice(rules: Rules, lengthBytes: number): boolean {
  return rules.slices === 'all' || (rules.slices === 'v2' && isV2(rules, lengthBytes));
}

/**
 * rseq as in Linux 6.19 and later (kernel/rseq.c and include/linux/rseq_entry.h after the rewrite for
 * the generic entry code): ids are written only when they changed, sections are looked at only when an
 * interrupt took the thread out of user mode, and hardly anything about them is checked.
 */
export function rewrittenVariant(traits: RewrittenTraits, options: RewrittenOptions): RseqVariant {
  const rules: Rules = { ...traits, ...options };
  const { debug } = options;
  const slice =
    traits.slices === 'none'
      ? undefined
      : sliceExtension((registration) => hasSlice(rules, registration.lengthBytes), debug);
  return {
    auxv: traits.auxv,
    syscalls: {
      [SYS_RSEQ]: rseqSyscall(registrationRules(rules)),
      ...(slice !== undefined && { [SYS_RSEQ_SLICE_YIELD]: SLICE_YIELD }),
    },
    ...(slice !== undefined && { slice }),
    onSwitchOut(task) {
      const { rseqSlice } = task;
      if (rseqSlice?.granted) task.rseqSlice = { ...rseqSlice, granted: false };
      raiseSwitch(rules, task);
    },
    /** mm_cid_schedin: a new mm_cid is written; all else was known when the task left its CPU. */
    onSwitchIn(task) {
      if (task.rseq === undefined) return;
      if (Math.floor(task.rseqIds / CID_SHIFT) !== task.mmCid) forceUpdate(task);
    },
    onMigrate(task) {
      if (task.rseq !== undefined) forceUpdate(task);
    },
    onMembarrier: (task) => raiseSwitch(rules, task),
    /** __rseq_signal_deliver: the ids wait for the return to user mode. */
    onSignal(context) {
      const { task } = context;
      const registration = task.rseq;
      if (registration === undefined) return RESUMED;
      const isLegacyTask = isLegacy(rules, registration);
      if (task.entry !== 'interrupt' && !(rules.evaluatesLegacyAlways && isLegacyTask)) {
        return RESUMED;
      }
      const outcome = evaluateSection(context, registration, debug);
      if (isLegacyTask) forceUpdate(task);
      return outcome;
    },
    ...(debug && { onSyscallExit: refuseSyscallInside }),
    onResume: (context) => onResume(rules, context),
    /** rseq_fork; setting the child's CPU changes its ids. */
    onClone(parent, child, flags) {
      if ((flags & CLONE.VM) !== 0n || parent.rseq === undefined) return;
      child.rseq = parent.rseq;
      child.rseqIds = parent.rseqIds;
      child.rseqSlice = parent.rseqSlice;
      child.rseqEvents = parent.rseqEvents;
      forceUpdate(child);
    },
    armedRegion: (context) => armedRegionOf(context, debug ? 'strict' : 'loose'),
    armingWord: armingWordOf,
    standingRegions: () => NO_RANGES,
  };
}

function registrationRules(rules: Rules): RegistrationRules {
  return {
    shape: rules.shape,
    registerFlags: rules.registerFlags,
    refusesUnregisterFlags: true,
    prepareArea: (memory, area, request) => initialiseArea(rules, memory, area, request),
    onRegistered(task, { lengthBytes, flags }) {
      task.rseqIds = IDS_UNINITIALIZED;
      task.rseqSlice = hasSlice(rules, lengthBytes) ? initialSlice(flags) : undefined;
      forceUpdate(task);
    },
    resetArea: (memory, area) => initialiseIds(memory, area, rules.unregisteredCpuIdStart, true),
    isResetFaultFatal: true,
  };
}

/** rseq_sched_switch_event. */
function raiseSwitch(rules: Rules, task: Task): void {
  const { rseq } = task;
  if (rseq === undefined) return;
  if (isLegacy(rules, rseq)) task.rseqEvents |= IDS_CHANGED;
  if (task.entry !== 'interrupt' && (task.rseqEvents & IDS_CHANGED) === 0) return;
  task.rseqEvents |= SCHED_SWITCH;
  task.notifyResume = true;
}

/** rseq_force_update. */
function forceUpdate(task: Task): void {
  task.rseqEvents |= IDS_CHANGED | SCHED_SWITCH;
  task.notifyResume = true;
}

/** rseq_exit_to_user_mode_restart: the fast path, and after a failure there the slow one. */
function onResume(rules: Rules, context: RseqContext): ResumeOutcome {
  const { task } = context;
  const events = task.rseqEvents;
  task.notifyResume = false;
  task.rseqEvents = 0;
  if (task.rseq === undefined || (events & SCHED_SWITCH) === 0) return RESUMED;
  if ((events & IDS_CHANGED) === 0) {
    const outcome = leaveIds(rules, context, task.rseq);
    if (outcome.kind !== 'fatal') return outcome;
  }
  return update(rules, context, task.rseq);
}

/** rseq_exit_user_update with unchanged ids. */
function leaveIds(
  rules: Rules,
  context: RseqContext,
  registration: RseqRegistration,
): ResumeOutcome {
  const { memory } = context;
  const { address, lengthBytes } = registration;
  // With the debug option a zero pointer is followed as well, fails, and takes the slow path.
  if (rules.debug && memory.isZeroU64(address + RSEQ_AREA.rseqCs)) return fatal('rseq_cs is zero');
  if (hasSlice(rules, lengthBytes) && !memory.writeU32(address + RSEQ_SLICE_CTRL, 0)) {
    return fatal('the rseq area is not writable');
  }
  return evaluateSection(context, registration, rules.debug);
}

/** rseq_update_usr: the ids first, then the section. */
function update(rules: Rules, context: RseqContext, registration: RseqRegistration): ResumeOutcome {
  const failure = setIds(rules, context, registration);
  if (failure !== undefined) return fatal(failure);
  const isLooking =
    rules.debug ||
    context.task.entry === 'interrupt' ||
    (rules.evaluatesLegacyAlways && isLegacy(rules, registration));
  return isLooking ? evaluateSection(context, registration, rules.debug) : RESUMED;
}

/** rseq_set_ids_get_csaddr; a text says why it failed. */
function setIds(
  rules: Rules,
  { task, memory }: RseqContext,
  { address, lengthBytes }: RseqRegistration,
): string | undefined {
  const isChecked = rules.debug || isV2(rules, lengthBytes);
  if (isChecked && !areIdsUntouched(memory, address, task.rseqIds)) {
    return 'user code changed the ids in struct rseq';
  }
  const isWritten =
    writeAllIds(memory, address, task) &&
    (!hasSlice(rules, lengthBytes) || memory.writeU32(address + RSEQ_SLICE_CTRL, 0));
  if (!isWritten) return 'the rseq area is not writable';
  task.rseqIds = packIds(task);
  return undefined;
}

/** rseq_debug_syscall_return. */
function refuseSyscallInside(context: RseqContext): ResumeOutcome {
  const { task, memory } = context;
  if (task.rseq === undefined) return RESUMED;
  const cell = task.rseq.address + RSEQ_AREA.rseqCs;
  return memory.isZeroU64(cell) ? RESUMED : evaluateSection(context, task.rseq, true);
}

/** rseq_register: everything that the kernel will own later. */
function initialiseArea(
  rules: Rules,
  memory: UserMemory,
  area: GuestAddress,
  request: RegistrationRequest,
): boolean {
  const hasFlags = rules.slices !== 'none';
  const canSlice = hasSlice(rules, request.lengthBytes);
  const areaFlags = canSlice ? initialAreaFlags(request.flags) : 0;
  return (
    memory.writeU64(area + RSEQ_AREA.rseqCs, 0n) &&
    (!hasFlags || memory.writeU32(area + RSEQ_AREA.flags, areaFlags)) &&
    initialiseIds(memory, area, RSEQ_CPU_ID_UNINITIALIZED, true) &&
    (!canSlice || memory.writeU32(area + RSEQ_SLICE_CTRL, 0))
  );
}

/** The check of the read-only fields (rseq_debug_validate_ids). */
function areIdsUntouched(memory: UserMemory, area: GuestAddress, written: number): boolean {
  if (written === IDS_UNINITIALIZED) return hasIds(memory, area, RSEQ_CPU_ID_UNINITIALIZED, 0);
  return hasIds(memory, area, written % CID_SHIFT, Math.floor(written / CID_SHIFT));
}
