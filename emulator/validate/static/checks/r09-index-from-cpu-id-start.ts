import { indexOrigins } from '../index-origins.ts';
import { addressRegisters } from '../instruction.ts';
import type { StaticCheck } from './check.ts';

export const checkR9: StaticCheck = function* (section, program) {
  const origins = indexOrigins(section, program);
  if (origins === undefined || program.family === 'rfc-2017') return;
  for (const [{ memory }, registers] of origins.before) {
    for (const register of memory.flatMap(addressRegisters)) {
      for (const load of registers.get(register) ?? []) {
        const { address } = load.instruction;
        const isEarlier = address < section.start || address >= section.end;
        if (!load.signed || !isEarlier || origins.tested.has(load)) continue;
        yield { address, message: 'takes cpu_id, which may be negative, for an index' };
        return;
      }
    }
  }
};
