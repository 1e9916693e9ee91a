import type { ArgumentFormat, SyscallEntry } from './context.ts';

/** A system call's parameters by name, in order, with how --strace prints each. */
export function parameters(
  formats: Readonly<Record<string, ArgumentFormat>>,
): SyscallEntry['parameters'] {
  return Object.entries(formats).map(([name, format]) => ({ name, format }));
}
