import type { StaticCheck } from './check.ts';

export const checkR14: StaticCheck = function* ({ code }) {
  for (const { address, flow } of code?.reached ?? []) {
    if (flow === 'system-call') yield { address, message: 'a system call inside the section' };
  }
};
