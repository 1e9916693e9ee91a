import { Mnemonic } from 'iced-x86';
import { effectsOf } from '../effects.ts';
import type { Instruction } from '../instruction.ts';
import type { SectionCode } from '../section-code.ts';
import type { StaticCheck } from './check.ts';

/** Stores that become visible to other CPUs late, after ordinary ones behind them. */
const NON_TEMPORAL: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Movnti,
  Mnemonic.Movntq,
  Mnemonic.Movntps,
  Mnemonic.Movntpd,
  Mnemonic.Movntdq,
  Mnemonic.Vmovntps,
  Mnemonic.Vmovntpd,
  Mnemonic.Vmovntdq,
  Mnemonic.Maskmovdqu,
]);
const FENCES: ReadonlySet<Mnemonic> = new Set([Mnemonic.Sfence, Mnemonic.Mfence]);

export const checkR29: StaticCheck = function* (section, program) {
  const { code } = section;
  if (code === undefined) return;
  const { all, commits } = effectsOf(section, program);
  const committing = new Set(commits.map(({ instruction }) => instruction));
  for (const { instruction } of all) {
    const { address, mnemonic } = instruction;
    if (!NON_TEMPORAL.has(mnemonic)) continue;
    if (committing.has(instruction)) {
      yield { address, message: 'the commit is a non-temporal store, which comes late' };
    } else if (isCommittedUnfenced(code, instruction, committing)) {
      yield { address, message: 'a non-temporal store without a fence before the commit' };
    }
  }
};

function isCommittedUnfenced(
  code: SectionCode,
  store: Instruction,
  committing: ReadonlySet<Instruction>,
): boolean {
  const seen = new Set<Instruction>();
  const pending = [...code.after(store)];
  for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
    if (seen.has(each) || FENCES.has(each.mnemonic)) continue;
    // A locked instruction waits for all stores before it.
    if (committing.has(each) && !each.lock && each.mnemonic !== Mnemonic.Xchg) return true;
    seen.add(each);
    pending.push(...code.after(each));
  }
  return false;
}
