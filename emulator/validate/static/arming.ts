import { Mnemonic, Register } from 'iced-x86';
import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { type Instruction, isStack, isThreadLocal, type MemoryUse } from './instruction.ts';
import type { RunUp } from './run-up.ts';

const WORD_BYTES = 8;
const VALUE_SEARCH_INSTRUCTIONS = 12;

/** What is known of how a section is armed. */
export type Arming =
  | {
      readonly kind: 'found';
      readonly store: Instruction;
      /** rseq_cs, as the store addresses it. */
      readonly place: MemoryUse;
      /** What is stored, if the code right before says so. */
      readonly value: number | undefined;
    }
  /** The instruction where the store should be; none where nothing comes before. */
  | { readonly kind: 'missing'; readonly instead: Instruction | undefined }
  /** The code before the section cannot be told. */
  | { readonly kind: 'unknown' };

/** The store that arms a section: the last instruction of what leads up to it. */
export function armingOf({ instructions, certain }: RunUp): Arming {
  const store = instructions.at(-1);
  const place = store && armedPlace(store);
  if (store !== undefined && place !== undefined) {
    return { kind: 'found', store, place, value: storedValue(instructions) };
  }
  return certain ? { kind: 'missing', instead: store } : { kind: 'unknown' };
}

/** The memory of a plain 8-byte store, as the one to rseq_cs is. */
export function armedPlace({ memory, flow, repeat }: Instruction): MemoryUse | undefined {
  const [place] = memory;
  if (place === undefined || memory.length !== 1 || flow !== 'next' || repeat) return undefined;
  const isStore = place.writes && !place.reads && place.sizeBytes === WORD_BYTES;
  return isStore && !isStack(place) ? place : undefined;
}

function storedValue(instructions: readonly Instruction[]): number | undefined {
  const store = instructions.at(-1);
  if (store?.source === undefined) return store?.immediate;
  const { source } = store;
  for (const each of instructions.slice(-1 - VALUE_SEARCH_INSTRUCTIONS, -1).toReversed()) {
    if (each.flow !== 'next') return undefined;
    if (!each.writes.includes(source)) continue;
    return each.mnemonic === Mnemonic.Mov && each.memory.length === 0
      ? each.immediate
      : each.loadedAddress;
  }
  return undefined;
}

/**
 * Where in struct rseq an operand is, by its distance from rseq_cs; `undefined` where the two are not
 * addressed alike. An area that is reached through a register may be reached through another one, too.
 */
export function areaOffset(arming: MemoryUse, use: MemoryUse): number | undefined {
  const alike = isThreadLocal(arming)
    ? arming.segment === use.segment
    : !isThreadLocal(use) && use.base !== Register.None;
  return alike ? use.displacement - arming.displacement + RSEQ_AREA.rseqCs : undefined;
}

/** tcmalloc keeps a pointer over cpu_id_start, which the kernel's store of the id breaks. */
const CACHED_POINTER_OFFSET = RSEQ_AREA.cpuIdStart - 4;
const ID_FIELDS = [
  { low: CACHED_POINTER_OFFSET, high: RSEQ_AREA.rseqCs },
  { low: RSEQ_AREA.mmCid, high: RSEQ_AREA.mmCid + 4 },
];
const ID_INSTRUCTIONS: ReadonlySet<Mnemonic> = new Set([Mnemonic.Rdpid, Mnemonic.Rdtscp]);

/** Whether an instruction learns on which CPU, or under which concurrency id, the thread runs. */
export function readsId(arming: MemoryUse, { mnemonic, memory }: Instruction): boolean {
  if (ID_INSTRUCTIONS.has(mnemonic)) return true;
  return memory.some((use) => {
    if (!use.reads) return false;
    // Through which register the area was armed says nothing of what %fs points to.
    if (isThreadLocal(use) && !isThreadLocal(arming)) return true;
    const offset = areaOffset(arming, use);
    return (
      offset !== undefined &&
      ID_FIELDS.some(
        ({ low, high }) => offset >= low && offset < high && offset + use.sizeBytes <= high + 4,
      )
    );
  });
}

/** Whether an operand is rseq_cs, addressed as by the store that arms. */
export function isArmingWord(arming: MemoryUse, use: MemoryUse): boolean {
  return (
    use.segment === arming.segment &&
    use.base === arming.base &&
    use.index === arming.index &&
    use.displacement === arming.displacement
  );
}
