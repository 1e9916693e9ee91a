import { expect } from 'vitest';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import type { AddressSpace } from '../../../kernel-model/mm/address-space.ts';
import { PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import type { NaiveWorld } from './naive-world.ts';
import type { RealWorld } from './real-world.ts';

/** Pages [first, first + count) of each space: all that a test maps. */
export interface Arena {
  readonly first: number;
  readonly count: number;
}

const ZEROS = new Uint8Array(PAGE_SIZE);

/** Asserts only what does not hold: an expectation for each of millions of comparisons is slow. */
function holds(condition: boolean, found: unknown, expected: unknown): void {
  if (!condition) expect(found).toEqual(expected);
}

/** Every page has the content and the protection that the naive model says, touched or not. */
export function checkContents(real: RealWorld, naive: NaiveWorld, arena: Arena): void {
  expect(real.spaces.length).toBe(naive.spaceCount);
  real.spaces.forEach((space, index) => {
    for (let page = arena.first; page < arena.first + arena.count; page++) {
      const address = page * PAGE_SIZE;
      const where = { space: index, page };
      const found = { ...where, protection: space.mappingAt(address)?.protection };
      const expected = { ...where, protection: naive.protectionOf(index, page) };
      holds(found.protection === expected.protection, found, expected);
      const frame = space.frameAt(address);
      if (expected.protection === undefined) expect(frame).toBeUndefined();
      const bytes = frame === undefined ? ZEROS : frameBytes(real, frame);
      const naiveBytes = naive.pageBytes(index, page);
      const isEqual = Buffer.compare(bytes, naiveBytes) === 0;
      holds(isEqual, { ...where, bytes: bytes.slice() }, { ...where, bytes: naiveBytes });
    }
  });
}

function frameBytes(real: RealWorld, frame: number): Uint8Array {
  return real.memory.bytes.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
}

/** A frame has as many references as page table entries name it; filled frames in use are touched. */
export function checkReferences(real: RealWorld): void {
  const counted = new Map<number, number>();
  for (const space of real.spaces) {
    space.forEachPage((_, frame) => counted.set(frame, (counted.get(frame) ?? 0) + 1));
  }
  const { memory } = real;
  for (let frame = 0; frame < memory.frameCount; frame++) {
    const found = memory.referencesOf(frame);
    const expected = counted.get(frame) ?? 0;
    holds(found === expected, { frame, references: found }, { frame, references: expected });
  }
  const inUse = [...counted.keys()];
  const filled = inUse.filter((frame) => Buffer.compare(frameBytes(real, frame), ZEROS) !== 0);
  expect(memory.touchedCount).toBeGreaterThanOrEqual(filled.length);
  expect(memory.touchedCount).toBeLessThanOrEqual(inUse.length);
}

/** What engine mappings say of one page. */
interface EnginePage {
  readonly ramOffset: number;
  readonly protection: number;
}

/** Engine mappings are the present pages, joined as far as possible, writable only if unshared. */
export function checkEngineMappings(real: RealWorld): void {
  for (const space of real.spaces) {
    const pages = new Map<number, EnginePage>();
    let previousEnd = { address: -1, ramOffset: -1, protection: -1 };
    for (const { address, length, ramOffset, protection } of space.engineMappings()) {
      expect(address).toBeGreaterThanOrEqual(previousEnd.address);
      expect({ address, ramOffset, protection }).not.toEqual(previousEnd);
      previousEnd = { address: address + length, ramOffset: ramOffset + length, protection };
      for (let offset = 0; offset < length; offset += PAGE_SIZE) {
        pages.set(address + offset, { ramOffset: ramOffset + offset, protection });
      }
    }
    checkEnginePages(real, space, pages);
  }
}

function checkEnginePages(
  real: RealWorld,
  space: AddressSpace,
  pages: ReadonlyMap<number, EnginePage>,
): void {
  let present = 0;
  space.forEachPage((address, frame) => {
    present++;
    const page = pages.get(address);
    const mapping = space.mappingAt(address);
    const allowed = mapping?.protection ?? 0;
    const isPrivate = mapping?.shared === false;
    const mustCopy = isPrivate && real.memory.referencesOf(frame) > 1;
    const readOnly = allowed & ~PROT_WRITE;
    const choices = mustCopy ? [readOnly] : isPrivate ? [allowed, readOnly] : [allowed];
    const expected = { address, ramOffset: frame * PAGE_SIZE, protections: choices };
    const isRight = page?.ramOffset === expected.ramOffset && choices.includes(page.protection);
    holds(isRight, { address, ...page }, expected);
  });
  expect(pages.size).toBe(present);
}

/** Remembers what each version of a space stood for: the same version never stands for two things. */
export class VersionLedger {
  readonly #seen = new Map<number, string>();

  check(real: RealWorld): void {
    for (const space of real.spaces) {
      const { version, mappings } = space;
      const state = JSON.stringify([mappings, space.engineMappings()]);
      const known = this.#seen.get(version);
      holds(known === undefined || state === known, { version, state }, { version, state: known });
      this.#seen.set(version, state);
    }
  }
}
