import type { Register } from 'iced-x86';
import type { ObjectMemory } from '../../loader/object/object-memory.ts';
import { decodeRun, type Instruction } from './instruction.ts';

/** Longer sections are not looked into; see the rule about their length. */
export const SECTION_LIMIT_INSTRUCTIONS = 4096;

/** Why a section does not decode: where, and what is wrong there. */
export interface DecodeProblem {
  readonly address: number;
  readonly message: string;
}

/** The instructions of a section and the control flow between them. */
export class SectionCode {
  readonly start: number;
  readonly end: number;
  /** All that decode, by ascending address. */
  readonly linear: readonly Instruction[];
  /** Of those, the ones that are reached from the start, by ascending address. */
  readonly reached: readonly Instruction[];
  readonly problems: readonly DecodeProblem[];
  /** It has more instructions than the limit; the rest is missing. */
  readonly cut: boolean;
  readonly #byAddress: ReadonlyMap<number, Instruction>;

  constructor(memory: ObjectMemory, start: number, end: number) {
    this.start = start;
    this.end = end;
    const code = memory.codeAt(start, end - start);
    this.linear = decodeRun(code, start, SECTION_LIMIT_INSTRUCTIONS);
    this.#byAddress = new Map(this.linear.map((each) => [each.address, each]));
    this.cut = this.linear.length === SECTION_LIMIT_INSTRUCTIONS;
    this.reached = this.#reach();
    this.problems = this.cut ? [] : [...this.#endProblem(), ...this.#branchProblems()];
  }

  holds(address: number): boolean {
    return address >= this.start && address < this.end;
  }

  at(address: number): Instruction | undefined {
    return this.#byAddress.get(address);
  }

  /** Where control goes after an instruction, inside and outside, as far as the code says. */
  successors({ flow, next, target }: Instruction): readonly number[] {
    switch (flow) {
      case 'next':
      case 'call':
      case 'system-call':
        return [next];
      case 'jump':
        return target === undefined ? [] : [target];
      case 'branch':
        return target === undefined ? [next] : [next, target];
      case 'indirect':
      case 'return':
      case 'trap':
        return [];
    }
  }

  /** The instructions of the section that can follow an instruction directly. */
  after(instruction: Instruction): readonly Instruction[] {
    return this.successors(instruction).flatMap((address) => this.at(address) ?? []);
  }

  /** What can run after an instruction, itself only if it is in a loop. */
  reachableFrom(instruction: Instruction): ReadonlySet<Instruction> {
    const seen = new Set<Instruction>();
    const pending = [...this.after(instruction)];
    for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
      if (seen.has(each)) continue;
      seen.add(each);
      pending.push(...this.after(each));
    }
    return seen;
  }

  isInLoop(instruction: Instruction): boolean {
    return this.reachableFrom(instruction).has(instruction);
  }

  /** Whether none of the instructions from `first` up to, without, `last` changes the registers. */
  keeps(registers: readonly Register[], first: Instruction, last: Instruction): boolean {
    const [low, high] = [first.address, last.address].toSorted((a, b) => a - b);
    return this.reached.every(
      ({ address, writes }) =>
        address < (low ?? 0) ||
        address >= (high ?? 0) ||
        !writes.some((register) => registers.includes(register)),
    );
  }

  #reach(): readonly Instruction[] {
    const first = this.at(this.start);
    if (first === undefined) return [];
    const reached = new Set([first, ...this.reachableFrom(first)]);
    return this.linear.filter((each) => reached.has(each));
  }

  #endProblem(): readonly DecodeProblem[] {
    const last = this.linear.at(-1);
    const next = last?.next ?? this.start;
    if (next === this.end) return [];
    // The decoder got the bytes up to the end only, so an instruction across it is invalid, too.
    return [{ address: next, message: 'no whole instruction up to the end of the section' }];
  }

  #branchProblems(): readonly DecodeProblem[] {
    return this.reached.flatMap(({ address, flow, target }) =>
      target !== undefined && flow !== 'call' && this.holds(target) && this.at(target) === undefined
        ? [{ address, message: 'branches into the middle of an instruction' }]
        : [],
    );
  }
}
