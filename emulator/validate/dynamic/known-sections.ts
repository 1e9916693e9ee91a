import { RSEQ_CS } from '../../../kernel-model/abi/rseq.ts';
import { PROT_EXEC } from '../../../kernel-model/mm/mapping.ts';
import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import { initialMemory, type ProgramImage } from '../../loader/image.ts';
import { InitialWords } from '../../loader/initial-words.ts';
import { rseqDescriptorAddresses } from '../../loader/rseq-sections.ts';
import { type CodeStore, decodeSection, type SectionCode } from './section-code.ts';

/** Bytes of a program, `undefined` where there are none. */
type CodeReader = (address: number, length: number) => Uint8Array | undefined;

/** Longer ones are taken for damaged descriptors. */
const SECTION_BYTES_MAX = 1 << 16;

/** A section with a lower bound. */
export interface BoundedRegion extends ArmedRegion {
  readonly start: number;
}

/** A section whose code is known. */
export interface KnownSection {
  readonly region: BoundedRegion;
  readonly code: SectionCode;
  /** The instruction before its end, if it stores. */
  readonly commit: number | undefined;
  /** Stores that depend on a load before them: between the two an update by others is lost. */
  readonly updates: readonly Update[];
  /** The program's tables name it: it is known before any task has armed it. */
  readonly isMarked: boolean;
}

/** A store with its load. */
export type Update = CodeStore & { readonly load: number };

/** The sections that a program marks in its `__rseq_cs` table, with struct rseq_cs in it. */
function markedRegions(image: ProgramImage): readonly BoundedRegion[] {
  const { addresses } = rseqDescriptorAddresses(image);
  if (addresses.length === 0) return [];
  const address = addresses.reduce<number>((least, each) => Math.min(least, each), Infinity);
  const last = addresses.reduce<number>((most, each) => Math.max(most, each), 0);
  const words = new InitialWords(image, { address, size: last + RSEQ_CS.size - address });
  if (!words.present) return [];
  return addresses.flatMap((source) => {
    const start = words.pointerAt(source + RSEQ_CS.startIp);
    const abort = words.pointerAt(source + RSEQ_CS.abortIp);
    const offset = words.wordAt(source + RSEQ_CS.postCommitOffset);
    if (start === undefined || abort === undefined) return [];
    const region = { source, start, end: start + offset, abort };
    return isPlausible(image, region) ? [region] : [];
  });
}

function isPlausible(image: ProgramImage, { start, end }: BoundedRegion): boolean {
  if (end <= start || end - start > SECTION_BYTES_MAX) return false;
  return image.segments.some(
    ({ address, memorySize, protection }) =>
      (protection & PROT_EXEC) !== 0 && start >= address && end <= address + memorySize,
  );
}

/** True for a region with a lower bound and a length that a section can have. */
export function isBounded(region: ArmedRegion): region is BoundedRegion {
  const { start, end } = region;
  return start !== undefined && end > start && end - start <= SECTION_BYTES_MAX;
}

/** Whether an instruction lies in the region. */
export function holds({ start, end }: ArmedRegion, address: number): boolean {
  return address >= (start ?? 0) && address < end;
}

/**
 * The sections of a run: those that the program marks, and those that tasks were seen to arm. Grows
 * only; what was learnt stays true for all runs of the same code.
 */
export class KnownSections {
  /** By ascending start, one for each range. */
  #sorted: KnownSection[] = [];
  /** The section learnt last of those that start at an address. */
  readonly #byStart = new Map<number, KnownSection>();
  /** Called with each section that is new. */
  readonly #onNew: (section: KnownSection) => void;

  constructor(onNew: (section: KnownSection) => void) {
    this.#onNew = onNew;
  }

  /** The section that holds an instruction; of those that `isKnown` admits the last to start. */
  at(address: number, isKnown: (section: KnownSection) => boolean): KnownSection | undefined {
    const sorted = this.#sorted;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle]?.region.start ?? 0) <= address) low = middle + 1;
      else high = middle;
    }
    for (let i = low - 1; i >= 0; i--) {
      const section = sorted[i];
      if (section === undefined || address - section.region.start > SECTION_BYTES_MAX) break;
      if (address < section.region.end && isKnown(section)) return section;
    }
    return undefined;
  }

  /** The section whose first instruction is at an address. */
  startingAt(address: number): KnownSection | undefined {
    return this.#byStart.get(address);
  }

  /** The section of a region, learnt if it is new; `read` gives the code of its process. */
  of(region: BoundedRegion, read: CodeReader, isMarked = false): KnownSection {
    const { start, end } = region;
    const last = this.#byStart.get(start);
    if (last?.region.end === end) return last;
    const known = this.#sorted.find(
      (each) => each.region.start === start && each.region.end === end,
    );
    if (known !== undefined) return known;
    const bytes = read(start, end - start);
    const code = bytes === undefined ? NO_CODE : decodeSection(bytes, start);
    const commit = [...code.values()].find(({ isLast }) => isLast)?.instruction;
    const updates = [...code.values()].filter(isUpdate);
    const section = { region, code, commit, updates, isMarked };
    this.#sorted = [...this.#sorted, section].sort((a, b) => a.region.start - b.region.start);
    this.#byStart.set(start, section);
    this.#onNew(section);
    return section;
  }

  /** Takes in the sections that a program marks. */
  mark(image: ProgramImage): readonly BoundedRegion[] {
    const regions = markedRegions(image);
    for (const region of regions) {
      this.of(region, (address, length) => initialMemory(image.segments, address, length), true);
    }
    return regions;
  }
}

function isUpdate(store: CodeStore): store is Update {
  return store.load !== undefined && !store.isLoadRepeated;
}

const NO_CODE: SectionCode = new Map();
