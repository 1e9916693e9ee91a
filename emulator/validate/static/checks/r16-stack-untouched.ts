import { Register } from 'iced-x86';
import type { StaticCheck } from './check.ts';

export const checkR16: StaticCheck = function* ({ code }) {
  for (const { address, writes, flow } of code?.reached ?? []) {
    if (flow === 'call' || !writes.includes(Register.RSP)) continue;
    yield { address, message: 'changes the stack pointer inside the section' };
  }
};
