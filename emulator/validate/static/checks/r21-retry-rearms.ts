import { changesOf, registerName } from '../changes.ts';
import { followRegister, handlerOf } from '../handler.ts';
import type { StaticCheck } from './check.ts';

export const checkR21: StaticCheck = function* (section, program) {
  const { code, abort } = section;
  const first = code?.at(section.start);
  if (code === undefined || first === undefined) return;
  const { retries, reached, after } = handlerOf(section, program);
  const [entry] = reached;
  if (entry?.address !== abort || retries.length === 0) return;
  // A section that nothing arms is the matter of another rule, and rfc-2017 arms inside.
  const isArmed = program.family !== 'rfc-2017' && program.arming(section).kind === 'found';
  for (const { from, arms } of retries) {
    if (arms || !isArmed) continue;
    const message = 'tries again at start_ip, past the store that arms';
    yield { address: from.address, message };
  }
  for (const [register, writer] of changesOf(code)) {
    const { kept } = followRegister(register, entry, after);
    const isInput = followRegister(register, first, (each) => code.after(each)).readers.length > 0;
    const comesBack = retries.some(({ from }) => kept.has(from) && !from.kills.includes(register));
    if (!comesBack || !isInput) continue;
    const message = `changes ${registerName(register)}, which the retry needs as it was`;
    yield { address: writer.address, message };
  }
};
