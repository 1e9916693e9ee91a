import type { CriticalSection } from '../critical-section.ts';
import type { StaticCheck } from './check.ts';

export const checkR17: StaticCheck = function* (section, program) {
  const { start, end, code } = section;
  if (code === undefined) return;
  // What overlaps is told by the rule about nesting.
  const tangled = program.sections.filter((other) => other !== section && overlaps(other, section));
  for (const { address, target } of program.incoming(section)) {
    const inside = address >= start && address < end;
    if (target === start || inside || tangled.some((other) => holds(other, address))) continue;
    yield { address, message: 'branches into the middle of the section' };
  }
  for (const other of program.sections) {
    const { abort } = other;
    if (abort <= start || !(abort < end) || other === section || tangled.includes(other)) continue;
    yield { address: abort, message: 'the abort handler of another section is inside' };
  }
};

function holds({ start, end }: CriticalSection, address: number): boolean {
  return address >= start && address < end;
}

function overlaps(a: CriticalSection, b: CriticalSection): boolean {
  return a.start < b.end && b.start < a.end;
}
