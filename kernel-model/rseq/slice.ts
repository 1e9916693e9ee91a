import { ENABLE_SLICE, PRCTL_SLICE } from '../abi/prctl.ts';
import {
  RSEQ_AREA,
  RSEQ_CS_FLAG_SLICE_EXT_AVAILABLE,
  RSEQ_CS_FLAG_SLICE_EXT_ENABLED,
  RSEQ_FLAG_SLICE_EXT_DEFAULT_ON,
  RSEQ_SLICE_CTRL,
  SYS_RSEQ_SLICE_YIELD,
} from '../abi/rseq.ts';
import {
  fails,
  returns,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
} from '../syscalls/context.ts';
import type {
  RseqContext,
  RseqRegistration,
  RseqSlice,
  SliceExtension,
  SliceOutcome,
} from './variant.ts';

/** Default of debugfs rseq/slice_ext_nsec; an instruction is a nanosecond of virtual time. */
const SLICE_INSTRUCTIONS = 5000;

/** Bits of struct rseq's slice_ctrl. */
const REQUEST = 0xff;
const GRANTED = 0x100;

/** The slice state of a task that registers with these flags. */
export function initialSlice(flags: number): RseqSlice {
  const enabled = (flags & RSEQ_FLAG_SLICE_EXT_DEFAULT_ON) !== 0;
  return { enabled, granted: false, yielded: false, expires: 0 };
}

/** struct rseq's flags after registering with these flags. */
export function initialAreaFlags(flags: number): number {
  const enabled = initialSlice(flags).enabled ? RSEQ_CS_FLAG_SLICE_EXT_ENABLED : 0;
  return RSEQ_CS_FLAG_SLICE_EXT_AVAILABLE | enabled;
}

/**
 * The time-slice extension of Linux 7.0 and later (CONFIG_RSEQ_SLICE_EXTENSION, not PREEMPT_RT).
 * @param hasSlice which registrations can have it
 */
export function sliceExtension(
  hasSlice: (registration: RseqRegistration) => boolean,
  debug: boolean,
): SliceExtension {
  return { grant, expire, enterSyscall: (...args) => enterSyscall(debug, ...args), control };

  /** rseq_slice_extension_prctl. */
  function control(context: SyscallContext, option: bigint, value: bigint): SyscallResult {
    const { task } = context;
    switch (option) {
      case PRCTL_SLICE.GET:
        if (value !== 0n) return fails('EINVAL');
        return returns(task.rseqSlice?.enabled === true ? ENABLE_SLICE : 0n);
      case PRCTL_SLICE.SET:
        if ((value & ~ENABLE_SLICE) !== 0n) return fails('EINVAL');
        if (task.rseq === undefined) return fails('ENXIO');
        if (!hasSlice(task.rseq)) return fails('ENOTSUPP');
        return setEnabled(context, task.rseq, value !== 0n);
      default:
        return fails('EINVAL');
    }
  }
}

function setEnabled(
  { task, memory }: SyscallContext,
  registration: RseqRegistration,
  enabled: boolean,
): SyscallResult {
  const slice = task.rseqSlice ?? initialSlice(0);
  if (slice.enabled === enabled) return returns(0);
  const cell = registration.address + RSEQ_AREA.flags;
  const flags = memory.readU32(cell);
  const expected =
    RSEQ_CS_FLAG_SLICE_EXT_AVAILABLE | (slice.enabled ? RSEQ_CS_FLAG_SLICE_EXT_ENABLED : 0);
  const isUntouched = flags !== undefined && (flags & expected) === expected;
  const wanted =
    ((flags ?? 0) & ~RSEQ_CS_FLAG_SLICE_EXT_ENABLED) |
    (enabled ? RSEQ_CS_FLAG_SLICE_EXT_ENABLED : 0);
  if (!isUntouched || !memory.writeU32(cell, wanted >>> 0)) {
    const reason = 'user code changed the slice bits in the flags of struct rseq';
    return { kind: 'segfault', value: fails('EFAULT').value, reason };
  }
  task.rseqSlice = { ...slice, enabled };
  return returns(0);
}

/** rseq_grant_slice_extension: the task was interrupted in user mode and is to be rescheduled. */
function grant({ task, memory }: RseqContext, now: number): SliceOutcome {
  const { rseq, rseqSlice } = task;
  if (rseq === undefined || rseqSlice === undefined) return 'none';
  if (task.entry !== 'interrupt' || !(rseqSlice.enabled || rseqSlice.granted)) return 'none';
  const cell = rseq.address + RSEQ_SLICE_CTRL;
  if (task.notifyResume || task.hasSignalWork || rseqSlice.granted) {
    task.rseqSlice = { ...rseqSlice, granted: false };
    return memory.writeU32(cell, 0) ? 'ended' : 'fatal';
  }
  const control = memory.readU32(cell);
  if (control === undefined) return 'fatal';
  if ((control & REQUEST) === 0) return 'none';
  const reserved = control & ~(REQUEST | 0xff00);
  if (!memory.writeU32(cell, (reserved | GRANTED) >>> 0)) return 'fatal';
  task.rseqSlice = { ...rseqSlice, granted: true, expires: now + SLICE_INSTRUCTIONS };
  return 'granted';
}

/** rseq_slice_expired, and the return from its interrupt. */
function expire({ task, memory }: RseqContext): SliceOutcome {
  const { rseq, rseqSlice } = task;
  if (rseq === undefined || !rseqSlice?.granted) return 'none';
  task.rseqSlice = { ...rseqSlice, granted: false };
  return memory.writeU32(rseq.address + RSEQ_SLICE_CTRL, 0) ? 'ended' : 'fatal';
}

/** rseq_syscall_enter_work. */
function enterSyscall(debug: boolean, context: RseqContext, number: number): SliceOutcome {
  const { task, memory } = context;
  const { rseq, rseqSlice } = task;
  if (rseq === undefined || !rseqSlice?.granted) return 'none';
  const shown = memory.readU32(rseq.address + RSEQ_SLICE_CTRL);
  const outcome = expire(context);
  if (task.rseqSlice !== undefined) {
    task.rseqSlice = { ...task.rseqSlice, yielded: number === SYS_RSEQ_SLICE_YIELD };
  }
  return debug && shown !== GRANTED ? 'fatal' : outcome;
}

/** rseq_slice_yield(2): the entry to the call has done everything else. */
export const SLICE_YIELD: SyscallEntry = {
  name: 'rseq_slice_yield',
  parameters: [],
  support: 'full',
  note: '',
  handler: ({ task }) => {
    const yielded = task.rseqSlice?.yielded === true;
    if (task.rseqSlice !== undefined) task.rseqSlice = { ...task.rseqSlice, yielded: false };
    return returns(yielded ? 1 : 0);
  },
};
