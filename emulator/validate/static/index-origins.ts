import { Mnemonic, type Register } from 'iced-x86';
import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { areaOffset } from './arming.ts';
import type { CheckedProgram } from './checked-program.ts';
import type { CriticalSection } from './critical-section.ts';
import { addressRegisters, type Instruction, type MemoryUse } from './instruction.ts';

/** What an index counts: CPUs, or the concurrency ids of a process. */
export type IndexKind = 'cpu' | 'mm_cid';

/** A load of an id to a register. */
export interface IdLoad {
  readonly instruction: Instruction;
  readonly kind: IndexKind;
  /** It reads cpu_id, which may be negative. */
  readonly signed: boolean;
}

/** A comparison inside a section of an id with a register. */
export interface IdComparison {
  readonly instruction: Instruction;
  readonly kind: IndexKind;
  readonly register: Register;
  /** The loads that the register is made of; none if that is not known. */
  readonly loads: ReadonlySet<IdLoad>;
}

/** Where the registers of a section come from on the way that falls through from the code before it. */
export interface IndexOrigins {
  readonly comparisons: readonly IdComparison[];
  /** By instruction of the section: the loads that each register is made of before it. */
  readonly before: ReadonlyMap<Instruction, ReadonlyMap<Register, ReadonlySet<IdLoad>>>;
  /** Loads that the code itself compares with one another. */
  readonly compared: readonly (readonly [IdLoad, IdLoad])[];
  /** Loads that are compared with something outside of memory, such as a bound, or cut to a few bits. */
  readonly tested: ReadonlySet<IdLoad>;
}

const KINDS: ReadonlyMap<number, IndexKind> = new Map([
  [RSEQ_AREA.cpuIdStart, 'cpu'],
  [RSEQ_AREA.cpuId, 'cpu'],
  [RSEQ_AREA.mmCid, 'mm_cid'],
]);
/** What leaves no more than a few bits of a number. */
const BOUNDS: ReadonlySet<Mnemonic> = new Set([Mnemonic.And, Mnemonic.Movzx]);
const NO_LOADS: ReadonlySet<IdLoad> = new Set();

/** `undefined` where it is not known how the section is armed, and so where the ids are. */
export function indexOrigins(
  section: CriticalSection,
  program: CheckedProgram,
): IndexOrigins | undefined {
  const arming = program.arming(section);
  const { code } = section;
  if (code === undefined || arming.kind !== 'found') return undefined;
  const comparisons: IdComparison[] = [];
  const compared: [IdLoad, IdLoad][] = [];
  const tested = new Set<IdLoad>();
  const before = new Map<Instruction, ReadonlyMap<Register, ReadonlySet<IdLoad>>>();
  let origins = new Map<Register, ReadonlySet<IdLoad>>();
  for (const each of [...fallThrough(program.runUp(section.start).instructions), ...code.reached]) {
    if (code.holds(each.address)) before.set(each, new Map(origins));
    const id = idRead(arming.place, each);
    if (each.mnemonic === Mnemonic.Cmp || each.mnemonic === Mnemonic.Test) {
      const [register, other] = comparedRegisters(each);
      const loads = register === undefined ? NO_LOADS : (origins.get(register) ?? NO_LOADS);
      if (each.memory.length === 0) for (const load of loads) tested.add(load);
      if (id !== undefined && register !== undefined && code.holds(each.address)) {
        comparisons.push({ instruction: each, kind: id.kind, register, loads });
      }
      const others = other === undefined ? NO_LOADS : (origins.get(other) ?? NO_LOADS);
      for (const one of loads) for (const two of others) compared.push([one, two]);
    }
    if (each.flow === 'call' || each.flow === 'system-call') origins = new Map();
    if (BOUNDS.has(each.mnemonic)) for (const load of madeOf(each, origins)) tested.add(load);
    const made = id === undefined ? madeOf(each, origins) : new Set([{ instruction: each, ...id }]);
    for (const register of each.writes) {
      if (made.size > 0) origins.set(register, made);
      else origins.delete(register);
    }
  }
  return { comparisons, before, compared, tested };
}

/** What runs last without a jump: after an unconditional one, control came from elsewhere. */
function fallThrough(instructions: readonly Instruction[]): readonly Instruction[] {
  const jump = instructions.findLastIndex(
    ({ flow }) => flow === 'jump' || flow === 'return' || flow === 'indirect' || flow === 'trap',
  );
  return instructions.slice(jump + 1);
}

/** The id that an instruction reads from struct rseq. */
function idRead(
  arming: MemoryUse,
  { memory }: Instruction,
): Omit<IdLoad, 'instruction'> | undefined {
  for (const use of memory) {
    const offset = use.reads ? areaOffset(arming, use) : undefined;
    const kind = offset === undefined ? undefined : KINDS.get(offset);
    if (kind !== undefined) return { kind, signed: offset === RSEQ_AREA.cpuId };
  }
  return undefined;
}

/** Of a comparison the registers that are no part of an address. */
function comparedRegisters({ reads, memory }: Instruction): readonly Register[] {
  const inAddresses = memory.flatMap(addressRegisters);
  return reads.filter((register) => !inAddresses.includes(register));
}

function madeOf(
  { reads }: Instruction,
  origins: ReadonlyMap<Register, ReadonlySet<IdLoad>>,
): ReadonlySet<IdLoad> {
  return new Set(reads.flatMap((register) => [...(origins.get(register) ?? NO_LOADS)]));
}
