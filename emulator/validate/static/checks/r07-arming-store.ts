import { Register } from 'iced-x86';
import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import type { CheckedProgram } from '../checked-program.ts';
import type { CriticalSection } from '../critical-section.ts';
import { handlerOf } from '../handler.ts';
import { type Instruction, isThreadLocal } from '../instruction.ts';
import type { Problem, StaticCheck } from './check.ts';

export const checkR7: StaticCheck = function* (section, program) {
  if (section.code === undefined) return;
  yield* storeProblems(section, program);
  const isArmed = program.family !== 'rfc-2017' && program.arming(section).kind === 'found';
  if (isArmed) yield* jumpProblems(section, program);
};

function* storeProblems(section: CriticalSection, program: CheckedProgram): Iterable<Problem> {
  const arming = program.arming(section);
  if (arming.kind === 'unknown') return;
  if (arming.kind === 'missing') {
    const message = missingMessage(arming.instead);
    yield { address: arming.instead?.address ?? section.start, message };
    return;
  }
  const { store, place, value } = arming;
  const { address } = store;
  if (isThreadLocal(place) && place.base === Register.None && place.displacement % 8 !== 0) {
    yield { address, message: 'the store before start_ip is not aligned to 8 bytes' };
  }
  const armed =
    value === undefined ? undefined : program.sections.find((each) => each.descriptor === value);
  if (armed !== undefined && armed.start !== section.start) {
    const where = formatAddress(armed.descriptor);
    yield { address, message: `the store before start_ip arms another section, by ${where}` };
  }
}

function missingMessage(instead: Instruction | undefined): string {
  const place = instead?.memory.find(({ writes }) => writes);
  if (place === undefined) return 'the instruction before start_ip is no store to rseq_cs';
  return `the store before start_ip has ${place.sizeBytes} bytes, or is none to rseq_cs`;
}

/** A jump to start_ip skips the store; one from the section's own handler is the matter of R21. */
function* jumpProblems(section: CriticalSection, program: CheckedProgram): Iterable<Problem> {
  const { start, end } = section;
  for (const { address, target } of program.incoming(section)) {
    const inside = address >= start && address < end;
    if (target !== start || inside || isInHandler(section, program, address)) continue;
    yield { address, message: 'jumps to start_ip, past the store that arms' };
  }
}

function isInHandler(section: CriticalSection, program: CheckedProgram, address: number): boolean {
  return handlerOf(section, program).reached.some((each) => each.address === address);
}
