import type { StaticCheck } from './check.ts';

export const checkR15: StaticCheck = function* ({ code }) {
  for (const { address, next, flow } of code?.reached ?? []) {
    if (flow !== 'call' || code?.holds(next) !== true) continue;
    yield { address, message: 'a call that returns into the section' };
  }
};
