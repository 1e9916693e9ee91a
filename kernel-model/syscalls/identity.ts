import { GUEST_USER_ID } from '../abi/auxv.ts';
import { returns, type SyscallContext, type SyscallEntry } from './context.ts';

/** The guest's first process is a child of init, and so are orphans. */
const PARENT_PID = 1;

/** A system call without arguments that tells a number. */
function tells(name: string, number: (context: SyscallContext) => number): SyscallEntry {
  return {
    name,
    parameters: [],
    support: 'full',
    note: '',
    handler: (context) => returns(number(context)),
  };
}

export const getpid = tells('getpid', ({ process }) => process.tgid);
export const gettid = tells('gettid', ({ task }) => task.tid);
export const getppid = tells('getppid', ({ state, process }) =>
  process.parent === undefined ? PARENT_PID : (state.processes[process.parent]?.tgid ?? PARENT_PID),
);
export const getpgrp = tells('getpgrp', ({ process }) => process.group);
export const getuid = tells('getuid', () => GUEST_USER_ID);
export const geteuid = tells('geteuid', () => GUEST_USER_ID);
export const getgid = tells('getgid', () => GUEST_USER_ID);
export const getegid = tells('getegid', () => GUEST_USER_ID);
