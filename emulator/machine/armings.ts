import { RSEQ_CS } from '../../kernel-model/abi/rseq.ts';
import { type ArmedRegion, NO_RANGES } from '../../kernel-model/rseq/variant.ts';
import type { EngineCpu } from '../engine/engine.ts';

/**
 * The regions that tasks were seen to arm. Their first and post-commit instructions are marked, so
 * that executing them is logged. Descriptors of the program's own image are remembered: arming one of
 * those again ends no run, until their bytes change.
 */
export class Armings {
  #regions = new Map<number, ArmedRegion>();
  #known = new Map<number, ArmedRegion>();
  /** What was known until code changed, for records of stores made before. */
  #forgotten: ReadonlyMap<number, ArmedRegion> | undefined;
  /** Descriptors whose bytes were seen to change: looked at afresh each time. */
  #changing = new Set<number>();
  /** Regions whose marks may be lost. They stay known: records of their boundaries may be pending. */
  #stale = new Set<number>();
  /** One that need not be looked at again, met last; 0 for none. */
  #sure = 0;
  #sureRegion: ArmedRegion | undefined;

  /** Regions armed without a store; `undefined` once their marks may be lost. */
  #standing: readonly ArmedRegion[] | undefined = NO_RANGES;
  #standingByStart = new Map<number, ArmedRegion>();

  /** Grows when regions are met that were not known so. */
  regionsVersion = 0;

  /** All regions that were met, and those that stand armed. */
  get regions(): ArmedRegion[] {
    return [...this.#regions.values(), ...(this.#standing ?? NO_RANGES)];
  }

  /** Regions that someone watches although no task may arm them; `undefined` as for standing ones. */
  #watched: readonly ArmedRegion[] | undefined = NO_RANGES;

  get standing(): readonly ArmedRegion[] | undefined {
    return this.#standing;
  }

  get watched(): readonly ArmedRegion[] | undefined {
    return this.#watched;
  }

  /** Marks the boundaries of regions that are watched whether armed or not. */
  setWatched(regions: readonly ArmedRegion[], cpu: EngineCpu): void {
    this.#watched = regions;
    for (const region of regions) {
      for (const address of boundariesOf(region)) cpu.markBoundary(address);
    }
  }

  /** The standing region that starts at an address. */
  standingAt(start: number): ArmedRegion | undefined {
    return this.#standingByStart.get(start);
  }

  /** The process that runs next has these regions armed without a store. */
  setStanding(regions: readonly ArmedRegion[], cpu: EngineCpu): void {
    this.#standing = regions;
    this.regionsVersion++;
    this.#standingByStart = new Map();
    for (const region of regions) {
      if (region.start === undefined) continue;
      this.#standingByStart.set(region.start, region);
      for (const address of boundariesOf(region)) cpu.markBoundary(address);
    }
  }

  /** The region behind an arming word's value, if that value was met. */
  regionOf(source: number): ArmedRegion | undefined {
    return source === this.#sure ? this.#sureRegion : this.#regions.get(source);
  }

  /** The same, if it cannot have changed: arming it again ends no run. */
  knownRegionOf(source: number): ArmedRegion | undefined {
    return this.#known.get(source) ?? this.#forgotten?.get(source);
  }

  /** The records of all that ran so far were taken in. */
  recordsTaken(): void {
    this.#forgotten = undefined;
  }

  /**
   * A task armed `region` on `cpu`. `isLasting` says that its descriptor lies in the image, where
   * stores to it can be watched; others are looked at afresh each time.
   */
  add(region: ArmedRegion, isLasting: boolean, cpu: EngineCpu, all: readonly EngineCpu[]): void {
    this.#sure = 0;
    const old = this.#regions.get(region.source);
    const isNew = old === undefined || !isSameCode(old, region);
    if (this.#stale.delete(region.source) || isNew) {
      this.#regions.set(region.source, region);
      this.regionsVersion++;
      for (const address of boundariesOf(region)) cpu.markBoundary(address);
    }
    if (isNew && old !== undefined) this.#changing.add(region.source);
    const isKnown = isLasting && !this.#changing.has(region.source);
    if (isKnown === this.#known.has(region.source)) return;
    if (isKnown) this.#known.set(region.source, region);
    else this.#known.delete(region.source);
    for (const each of all) this.teach(each);
  }

  /** Whether `regionOf` knows nothing of an armed word, or what may be out of date. */
  mustLookAgain(source: number): boolean {
    if (source === 0 || source === this.#sure) return false;
    const isSure = this.#isSureOf(source);
    if (isSure) {
      this.#sure = source;
      this.#sureRegion = this.#regions.get(source);
    }
    return !isSure;
  }

  #isSureOf(source: number): boolean {
    const isUnsure = this.#changing.has(source) || this.#stale.has(source);
    return !isUnsure && this.#regions.has(source);
  }

  /** Tells a CPU, new or not, everything that is known. */
  teach(cpu: EngineCpu): void {
    cpu.forgetKnownArmings();
    const sources = [...this.#known.keys()];
    if (sources.length === 0) {
      cpu.setDescriptorRange(0, 0);
      return;
    }
    for (const source of sources) cpu.addKnownArming(source);
    const start = Math.min(...sources);
    cpu.setDescriptorRange(start, Math.max(...sources) + RSEQ_CS.size - start);
  }

  /** Code was written or replaced, and with it marks: everything is to be looked at again. */
  forget(cpus: readonly EngineCpu[]): void {
    this.#standing = undefined;
    this.#watched = undefined;
    if (this.#regions.size === 0) return;
    this.#sure = 0;
    this.#stale = new Set(this.#regions.keys());
    this.#forgotten ??= this.#known;
    this.#known = new Map();
    this.#changing = new Set();
    for (const cpu of cpus) this.teach(cpu);
  }
}

function isSameCode(a: ArmedRegion, b: ArmedRegion): boolean {
  return a.start === b.start && a.end === b.end && a.abort === b.abort;
}

/**
 * The instructions whose execution has to be seen: the first and that after the last. Without a lower
 * bound, the abort handler tells a section that gave up from one that was left on purpose.
 */
export function boundariesOf({ start, end, abort }: ArmedRegion): readonly number[] {
  if (start !== undefined) return [start, end];
  return abort === undefined ? [end] : [end, abort];
}
