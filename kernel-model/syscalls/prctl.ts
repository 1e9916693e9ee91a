import { PR_RSEQ_SLICE_EXTENSION } from '../abi/prctl.ts';
import {
  fails,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
} from './context.ts';
import { parameters } from './parameters.ts';

/** Options from PR_SET_PDEATHSIG on; the numbers 17 and 18 were never used. */
const FIRST_OPTION = 1;
/** PR_FUTEX_HASH, of Linux 6.16. */
const LAST_OPTION = 78;
const UNUSED_OPTIONS: readonly number[] = [17, 18];
/** PR_SET_VMA and PR_SET_PTRACER. */
const NAMED_OPTIONS: readonly number[] = [0x53_564d_41, 0x59_616d_61];

/** Mirrors kernel/sys.c, SYSCALL_DEFINE5(prctl). */
function sysPrctl(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const option = toInt32(args[0]);
  if (option === PR_RSEQ_SLICE_EXTENSION) {
    const { slice } = context.profile.rseq;
    if (slice === undefined || args[3] !== 0n || args[4] !== 0n) return fails('EINVAL');
    return slice.control(context, args[1], args[2]);
  }
  const isNumbered = option >= FIRST_OPTION && option <= LAST_OPTION;
  const isKnown = isNumbered && !UNUSED_OPTIONS.includes(option);
  if (!isKnown && !NAMED_OPTIONS.includes(option)) return fails('EINVAL');
  return { kind: 'unsupported', detail: `option ${option}` };
}

export const prctl: SyscallEntry = {
  name: 'prctl',
  parameters: parameters({ option: 'int', arg2: 'hex', arg3: 'hex', arg4: 'hex', arg5: 'hex' }),
  support: 'partial',
  note: 'PR_RSEQ_SLICE_EXTENSION',
  handler: sysPrctl,
};
