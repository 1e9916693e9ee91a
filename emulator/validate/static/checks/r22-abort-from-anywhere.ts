import { changesOf, registerName } from '../changes.ts';
import { followRegister, handlerOf } from '../handler.ts';
import type { StaticCheck } from './check.ts';

export const checkR22: StaticCheck = function* (section, program) {
  const { code, abort } = section;
  if (code === undefined || (abort >= section.start && abort < section.end)) return;
  const { reached, after } = handlerOf(section, program);
  const [entry] = reached;
  if (entry?.address !== abort) return;
  for (const register of changesOf(code).keys()) {
    const { readers } = followRegister(register, entry, after);
    const [reader] = readers;
    if (reader === undefined) continue;
    const message = `the abort handler uses ${registerName(register)}, which the section changes`;
    yield { address: reader.address, message };
  }
};
