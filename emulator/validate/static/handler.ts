import { Mnemonic, type Register } from 'iced-x86';
import type { CheckedProgram } from './checked-program.ts';
import type { CriticalSection } from './critical-section.ts';
import { decodeRun, INSTRUCTION_BYTES_MAX, type Instruction } from './instruction.ts';

const WALK_LIMIT_INSTRUCTIONS = 64;

/** How a handler gets back to its section. */
export interface Retry {
  /** The last instruction before it, or the arming store. */
  readonly from: Instruction;
  /** It passes the store that arms. */
  readonly arms: boolean;
}

/** What runs from an abort handler on, up to calls, returns, and the section itself. */
export interface Handler {
  readonly reached: readonly Instruction[];
  readonly retries: readonly Retry[];
  /** The instructions that can run directly after one; the arming store is followed by none. */
  after(instruction: Instruction): readonly Instruction[];
}

/** Follows the abort handler of a section through direct jumps and branches, both ways. */
export function handlerOf(section: CriticalSection, program: CheckedProgram): Handler {
  const { start, end, abort } = section;
  const arming = program.family === 'rfc-2017' ? undefined : program.arming(section);
  const store = arming?.kind === 'found' ? arming.store.address : undefined;
  const byAddress = new Map<number, Instruction>();
  const retries: Retry[] = [];
  const pending = [abort];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (byAddress.has(at) || (at >= start && at < end) || !program.memory.isExecutable(at))
      continue;
    if (byAddress.size === WALK_LIMIT_INSTRUCTIONS) break;
    const code = program.memory.codeAt(at, INSTRUCTION_BYTES_MAX);
    const [instruction] = decodeRun(code, at, 1);
    if (instruction === undefined) continue;
    byAddress.set(at, instruction);
    if (at === store) {
      retries.push({ from: instruction, arms: true });
      continue;
    }
    const next = successors(instruction);
    if (next.includes(start)) retries.push({ from: instruction, arms: false });
    pending.push(...next);
  }
  const after = (instruction: Instruction) =>
    instruction.address === store
      ? []
      : successors(instruction).flatMap((address) => byAddress.get(address) ?? []);
  return { reached: [...byAddress.values()], retries, after };
}

/** Calls and system calls are not followed: what they use and change is not known. */
function successors({ flow, next, target }: Instruction): readonly number[] {
  switch (flow) {
    case 'next':
      return [next];
    case 'jump':
      return target === undefined ? [] : [target];
    case 'branch':
      return target === undefined ? [next] : [next, target];
    default:
      return [];
  }
}

/**
 * The first instructions, on any way from `entry` on, that read a register before it gets a new value;
 * and whether `goal` can be reached without it getting one.
 */
export function followRegister(
  register: Register,
  entry: Instruction,
  after: (instruction: Instruction) => readonly Instruction[],
): { readonly readers: readonly Instruction[]; readonly kept: ReadonlySet<Instruction> } {
  const readers: Instruction[] = [];
  const kept = new Set<Instruction>();
  const pending = [entry];
  for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
    if (kept.has(each)) continue;
    kept.add(each);
    // A push keeps a register, or makes room on the stack.
    if (each.reads.includes(register) && each.mnemonic !== Mnemonic.Push) readers.push(each);
    if (!each.kills.includes(register)) pending.push(...after(each));
  }
  return { readers, kept };
}
