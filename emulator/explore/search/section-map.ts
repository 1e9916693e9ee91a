import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import type { LeftOutEntries, PlannedBoundary } from './unit.ts';

/** Outside sections: an access to shared memory, a system call that sends another task a signal. */
type LonePlace = 'access' | 'signal';
/** Where an instruction is with respect to a section. */
type Place = 'before' | 'inside' | 'after' | LonePlace;

/** Whether a place is interrupted before the section that it belongs to counts as entered. */
export function isAhead(place: Place): boolean {
  return place !== 'inside' && place !== 'after';
}

const NO_SPOTS: readonly Spot[] = [];
const NO_SECTIONS: ReadonlySet<number> = new Set();

/** An instruction's place with one section. */
export interface Spot {
  readonly section: number;
  readonly place: Place;
}

/** Instructions before a section's start, and from its end on, that count as its boundaries. */
const MARGIN_INSTRUCTIONS = 2;

/**
 * The instructions around the sections of a program, learnt from executions: those before its start,
 * those inside, and those after its end. Sections are numbered in the order in which they were met.
 */
export class SectionMap {
  readonly #sections = new Map<number, number>();
  readonly #spots = new Map<number, Spot[]>();
  /** Sections that each task was seen to enter. */
  readonly #enteredBy = new Map<number, Set<number>>();
  /** How often each task executed each section, by both. */
  readonly #executions = new Map<string, LeftOutEntries>();

  get sectionCount(): number {
    return this.#sections.size;
  }

  /** Addresses of all boundaries, in ascending order. */
  get addresses(): readonly number[] {
    return [...this.#spots.keys()].sort((a, b) => a - b);
  }

  spotsAt(address: number): readonly Spot[] {
    return this.#spots.get(address) ?? NO_SPOTS;
  }

  /** Whether the instruction is inside a section. */
  isInside(address: number): boolean {
    return this.spotsAt(address).some(({ place }) => place === 'inside');
  }

  /** All boundaries, in ascending order of their addresses. */
  get boundaries(): PlannedBoundary[] {
    return this.addresses.map((address) => ({
      address,
      places: [...new Set(this.spotsAt(address).map(({ place }) => place))],
    }));
  }

  /** Which sections a task was seen to enter. */
  sectionsOf(task: number): ReadonlySet<number> {
    return this.#enteredBy.get(task) ?? NO_SECTIONS;
  }

  /** Dynamic entries beyond `most` of each section by each task. */
  beyond(most: number): LeftOutEntries[] {
    return [...this.#executions.values()]
      .filter(({ entries }) => entries > most)
      .map(({ entries, ...rest }) => ({ ...rest, entries: entries - most }));
  }

  #countExecution(task: number, section: number, address: number): void {
    const key = `${task} ${section}`;
    const entries = (this.#executions.get(key)?.entries ?? 0) + 1;
    this.#executions.set(key, { task, address, entries });
  }

  /**
   * Takes in what one task executed, in order, with the region that was armed at each instruction;
   * `isCounted`: its entries count.
   */
  learn(task: number, trace: readonly TracedInstruction[], isCounted: boolean): void {
    let leftSection = -1;
    let sinceEnd = MARGIN_INSTRUCTIONS;
    trace.forEach(({ address, region }, index) => {
      const isInside =
        region !== undefined && address >= (region.start ?? 0) && address < region.end;
      if (!isInside) {
        if (sinceEnd < MARGIN_INSTRUCTIONS) this.#add(address, leftSection, 'after');
        sinceEnd++;
        return;
      }
      const section = this.#number(region.source);
      if (sinceEnd > 0) {
        for (const { address: before } of trace.slice(
          Math.max(0, index - MARGIN_INSTRUCTIONS),
          index,
        )) {
          this.#add(before, section, 'before');
        }
      }
      this.#add(address, section, 'inside');
      this.#enter(task, section);
      if (isCounted && address === region.start) this.#countExecution(task, section, address);
      leftSection = section;
      sinceEnd = 0;
    });
  }

  /** An instruction outside sections that others can take notice of; it counts as its own. */
  addLone(place: LonePlace, { task, address, executions }: LoneInstruction): void {
    if (this.isInside(address)) return;
    const section = this.#number(-address);
    this.#enter(task, section);
    this.#add(address, section, place);
    for (let i = 0; i < executions; i++) this.#countExecution(task, section, address);
  }

  #enter(task: number, section: number): void {
    const entered = this.#enteredBy.get(task) ?? new Set();
    this.#enteredBy.set(task, entered.add(section));
  }

  #number(source: number): number {
    const known = this.#sections.get(source);
    if (known !== undefined) return known;
    const number = this.#sections.size;
    this.#sections.set(source, number);
    return number;
  }

  #add(address: number, section: number, place: Place): void {
    const spots = this.#spots.get(address) ?? [];
    const isKnown = spots.some((spot) => spot.section === section && spot.place === place);
    if (!isKnown) this.#spots.set(address, [...spots, { section, place }]);
  }
}

/** An instruction, and how often a task executed it. */
export interface LoneInstruction {
  readonly task: number;
  readonly address: number;
  readonly executions: number;
}

/** One instruction that a task is about to execute. */
export interface TracedInstruction {
  readonly address: number;
  /** What its task had armed then. */
  readonly region: ArmedRegion | undefined;
}
