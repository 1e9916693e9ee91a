import { ARCH } from '../abi/prctl.ts';
import { TASK_SIZE_WORD } from '../hardware/address.ts';
import type { RegisterName } from '../hardware/registers.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
} from './context.ts';
import { parameters } from './parameters.ts';
import { putU64 } from './user-access.ts';

/**
 * Mirrors do_arch_prctl_64 (arch/x86/kernel/process_64.c) of a kernel without shadow stacks and
 * address tagging, whose options are EINVAL, on a CPU that cannot fault on cpuid.
 */
function sysArchPrctl(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const option = toInt32(args[0]);
  switch (option) {
    case ARCH.SET_FS:
      return setBase(context, 'fs_base', args[1]);
    case ARCH.SET_GS:
      return setBase(context, 'gs_base', args[1]);
    case ARCH.GET_FS:
      return getBase(context, 'fs_base', args[1]);
    case ARCH.GET_GS:
      return getBase(context, 'gs_base', args[1]);
    case ARCH.GET_CPUID:
      return returns(1);
    case ARCH.SET_CPUID:
      return fails('ENODEV');
    case ARCH.GET_XCOMP_SUPP:
    case ARCH.GET_XCOMP_PERM:
    case ARCH.REQ_XCOMP_PERM:
    case ARCH.GET_XCOMP_GUEST_PERM:
    case ARCH.REQ_XCOMP_GUEST_PERM:
    case ARCH.MAP_VDSO_X32:
    case ARCH.MAP_VDSO_32:
    case ARCH.MAP_VDSO_64:
      return { kind: 'unsupported', detail: `option 0x${option.toString(16)}` };
    default:
      return fails('EINVAL');
  }
}

/** do_set_thread_area_64's limit, TASK_SIZE_MAX, also for CLONE_SETTLS. */
export function isSegmentBase(word: bigint): boolean {
  return word < TASK_SIZE_WORD;
}

function setBase(context: SyscallContext, register: RegisterName, base: bigint): SyscallResult {
  if (!isSegmentBase(base)) return fails('EPERM');
  context.registers.write(register, base);
  return returns(0);
}

function getBase(context: SyscallContext, register: RegisterName, word: bigint): SyscallResult {
  const base = context.registers.read(register);
  return putU64(context.memory, word, base) ? returns(0) : fails('EFAULT');
}

export const archPrctl: SyscallEntry = {
  name: 'arch_prctl',
  parameters: parameters({ option: 'hex', arg2: 'pointer' }),
  support: 'partial',
  note: 'ARCH_SET_FS, ARCH_GET_FS, ARCH_SET_GS, ARCH_GET_GS; no extended processor state',
  handler: sysArchPrctl,
};
