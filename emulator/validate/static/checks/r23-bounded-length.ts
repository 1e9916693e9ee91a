import { Register, RegisterExt } from 'iced-x86';
import type { Instruction } from '../instruction.ts';
import { SECTION_LIMIT_INSTRUCTIONS, type SectionCode } from '../section-code.ts';
import type { StaticCheck } from './check.ts';

/** Some hundred nanoseconds: beyond it a section is most of what interrupts it. */
const LONG_INSTRUCTIONS = 512;

export const checkR23: StaticCheck = function* ({ code, start }) {
  if (code === undefined) return;
  const count = code.reached.length;
  if (count > LONG_INSTRUCTIONS) {
    const many = code.cut ? `more than ${SECTION_LIMIT_INSTRUCTIONS}` : String(count);
    yield { address: start, message: `the section has ${many} instructions` };
    return;
  }
  for (const latch of code.reached) {
    const { target, address, flow } = latch;
    if (target === undefined || target > address || flow === 'call') continue;
    const head = code.at(target);
    const isLoop = head !== undefined && (head === latch || code.reachableFrom(head).has(latch));
    if (isLoop && !isCounted(code, head, latch)) {
      yield { address, message: 'a loop that changes no register of its own: nothing bounds it' };
    }
  }
};

/** Whether something in the loop of a jump back goes on from turn to turn: a counter, a pointer. */
function isCounted(code: SectionCode, head: Instruction, latch: Instruction): boolean {
  const fromHead = new Set([head, ...code.reachableFrom(head)]);
  const loop = [...fromHead].filter(
    (each) => each === latch || code.reachableFrom(each).has(latch),
  );
  return loop.some(({ reads, kills }) =>
    reads.some(
      (register) =>
        RegisterExt.isGPR64(register) && register !== Register.RSP && kills.includes(register),
    ),
  );
}
