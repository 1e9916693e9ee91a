import { Mnemonic } from 'iced-x86';
import { effectsOf } from '../effects.ts';
import type { StaticCheck } from './check.ts';

const SCATTERS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Vpscatterdd,
  Mnemonic.Vpscatterdq,
  Mnemonic.Vpscatterqd,
  Mnemonic.Vpscatterqq,
  Mnemonic.Vscatterdps,
  Mnemonic.Vscatterdpd,
  Mnemonic.Vscatterqps,
  Mnemonic.Vscatterqpd,
]);

export const checkR11: StaticCheck = function* (section, program) {
  const { commits } = effectsOf(section, program);
  for (const { instruction } of commits) {
    const { address, next, repeat, lock, mnemonic } = instruction;
    if (next !== section.end) continue;
    if (repeat) yield { address, message: 'the commit repeats, and can be aborted half done' };
    if (SCATTERS.has(mnemonic)) yield { address, message: 'the commit is a scatter' };
    // It is right, only slower than it need be, unless other CPUs change the word, too.
    if (lock) yield { address, message: 'the commit has a lock prefix', severity: 'warning' };
  }
};
