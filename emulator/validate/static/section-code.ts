import type { Register } from 'iced-x86';
import type { ObjectMemory } from '../../loader/object/object-memory.ts';
import { decodeRun, type Instruction } from './instruction.ts';

/** Longer sections are not looked into; see the rule about their length. */
export const SECTION_LIMIT_INSTRUCTIONS = 4096;
const RUN_INSTRUCTIONS = 16;

/** Why a section does not decode: where, and what is wrong there. */
export interface DecodeProblem {
  readonly address: number;
  readonly message: string;
}

/** The instructions of a section and the control flow between them. */
export class SectionCode {
  readonly start: number;
  readonly end: number;
  /** The instructions that are reached from the start, by ascending address. */
  readonly reached: readonly Instruction[];
  readonly problems: readonly DecodeProblem[];
  /** It has more instructions than the limit; the rest is missing. */
  readonly cut: boolean;
  readonly #byAddress: ReadonlyMap<number, Instruction>;

  constructor(memory: ObjectMemory, start: number, end: number) {
    this.start = start;
    this.end = end;
    const { byAddress, undecoded } = this.#decode(memory.codeAt(start, end - start));
    this.#byAddress = byAddress;
    this.reached = [...byAddress.values()].toSorted((a, b) => a.address - b.address);
    this.cut = byAddress.size >= SECTION_LIMIT_INSTRUCTIONS;
    this.problems = this.cut ? [] : [...undecoded.map(noInstruction), ...this.#overlaps()];
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

  /** Follows the flow from the start on; data that it jumps over is never looked at. */
  #decode(code: Uint8Array) {
    const byAddress = new Map<number, Instruction>();
    const undecoded: number[] = [];
    const pending = [this.start];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (byAddress.has(at) || !this.holds(at)) continue;
      if (byAddress.size >= SECTION_LIMIT_INSTRUCTIONS) break;
      // The decoder gets the bytes up to the end only: an instruction across it is none.
      const run = decodeRun(code.subarray(at - this.start), at, RUN_INSTRUCTIONS);
      if (run.length === 0) undecoded.push(at);
      for (const instruction of run) {
        if (byAddress.has(instruction.address)) break;
        byAddress.set(instruction.address, instruction);
        if (instruction.flow === 'next' && instruction !== run.at(-1)) continue;
        pending.push(...this.successors(instruction));
        break;
      }
    }
    return { byAddress, undecoded };
  }

  #overlaps(): readonly DecodeProblem[] {
    return this.reached.flatMap((each, index) => {
      const previous = this.reached[index - 1];
      if (previous === undefined || previous.next <= each.address) return [];
      const branch = this.reached.find(({ target }) => target === each.address);
      const address = branch?.address ?? each.address;
      return [{ address, message: 'branches into the middle of an instruction' }];
    });
  }
}

function noInstruction(address: number): DecodeProblem {
  return { address, message: 'no whole instruction up to the end of the section' };
}
