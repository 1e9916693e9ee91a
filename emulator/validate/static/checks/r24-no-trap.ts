import type { StaticCheck } from './check.ts';

export const checkR24: StaticCheck = function* ({ code }) {
  for (const { address, flow } of code?.reached ?? []) {
    if (flow === 'trap') yield { address, message: 'an instruction that traps' };
  }
};
