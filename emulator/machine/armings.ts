import { RSEQ_CS } from '../../kernel-model/abi/rseq.ts';
import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';
import type { EngineCpu } from '../engine/engine.ts';

/**
 * The regions that tasks were seen to arm. Their first and post-commit instructions are marked, so
 * that executing them is logged. Descriptors of the program's own image are remembered: arming one of
 * those again ends no run, until their bytes change.
 */
export class Armings {
  #regions = new Map<number, ArmedRegion>();
  #known = new Map<number, ArmedRegion>();
  /** Descriptors whose bytes were seen to change: looked at afresh each time. */
  #changing = new Set<number>();
  /** Regions whose marks may be lost. They stay known: records of their boundaries may be pending. */
  #stale = new Set<number>();
  /** One that need not be looked at again, met last; 0 for none. */
  #sure = 0;

  /** The region behind an arming word's value, if that value was met. */
  regionOf(source: number): ArmedRegion | undefined {
    return this.#regions.get(source);
  }

  /**
   * A task armed `region` on `cpu`. `isLasting` says that its descriptor lies in the image, where
   * stores to it can be watched; others are looked at afresh each time.
   */
  add(region: ArmedRegion, isLasting: boolean, cpu: EngineCpu, all: readonly EngineCpu[]): void {
    this.#sure = 0;
    const old = this.#regions.get(region.source);
    const isNew = old === undefined || old.start !== region.start || old.end !== region.end;
    if (this.#stale.delete(region.source) || isNew) {
      this.#regions.set(region.source, region);
      if (region.start !== undefined) cpu.markBoundary(region.start);
      cpu.markBoundary(region.end);
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
    if (isSure) this.#sure = source;
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
    if (this.#regions.size === 0) return;
    this.#sure = 0;
    this.#stale = new Set(this.#regions.keys());
    this.#known = new Map();
    this.#changing = new Set();
    for (const cpu of cpus) this.teach(cpu);
  }
}
