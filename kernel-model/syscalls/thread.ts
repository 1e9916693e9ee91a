import { ROBUST_LIST_HEAD } from '../abi/futex.ts';
import { toGuestAddress } from '../hardware/address.ts';
import { exitGroup as endGroup, exitTask } from '../task/exit.ts';
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

const STATUS_MASK = 0xff;

function sysExit(context: SyscallContext, args: SyscallArguments): SyscallResult {
  exitTask(context, context.task, toInt32(args[0]));
  return { kind: 'exited' };
}

function sysExitGroup(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const status = toInt32(args[0]) & STATUS_MASK;
  endGroup(context, context.process, { kind: 'exit', status });
  return { kind: 'exited' };
}

/** The address is not looked at before the thread ends; a kernel address counts as none. */
function sysSetTidAddress({ task }: SyscallContext, args: SyscallArguments): SyscallResult {
  task.clearChildTid = toGuestAddress(args[0]) ?? 0;
  return returns(task.tid);
}

function sysSetRobustList({ task }: SyscallContext, args: SyscallArguments): SyscallResult {
  if (args[1] !== BigInt(ROBUST_LIST_HEAD.size)) return fails('EINVAL');
  task.robustList = args[0];
  return returns(0);
}

export const exit: SyscallEntry = {
  name: 'exit',
  parameters: parameters({ error_code: 'int' }),
  support: 'full',
  note: '',
  handler: sysExit,
};

export const exitGroup: SyscallEntry = {
  name: 'exit_group',
  parameters: parameters({ error_code: 'int' }),
  support: 'full',
  note: '',
  handler: sysExitGroup,
};

export const setTidAddress: SyscallEntry = {
  name: 'set_tid_address',
  parameters: parameters({ tidptr: 'pointer' }),
  support: 'full',
  note: '',
  handler: sysSetTidAddress,
};

export const setRobustList: SyscallEntry = {
  name: 'set_robust_list',
  parameters: parameters({ head: 'pointer', len: 'size' }),
  support: 'partial',
  note: 'at the end of a whole process acted on only where another process could see it',
  handler: sysSetRobustList,
};
