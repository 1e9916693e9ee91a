import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import {
  allows,
  carve,
  covered,
  find,
  findGap,
  insert,
  type Mapping,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from '../../../kernel-model/mm/mapping.ts';

const PAGES = 32;

function mapping(first: number, end: number, name = 'test'): Mapping {
  const range = { start: first * PAGE_SIZE, end: end * PAGE_SIZE };
  return { ...range, protection: PROT_READ, shared: false, name };
}

/** Which mapping each page belongs to, by name. */
function namesByPage(mappings: readonly Mapping[]): (string | undefined)[] {
  return Array.from({ length: PAGES }, (_, page) => {
    const at = page * PAGE_SIZE;
    return mappings.find(({ start, end }) => at >= start && at < end)?.name;
  });
}

const range = fc
  .tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: 8 }))
  .map(([first, count]) => [first, Math.min(PAGES, first + count)] as const);

/** A list as map and unmap make it: each range is carved out, and put in if it has a name. */
const list = fc
  .array(fc.tuple(range, fc.constantFrom('a', 'b', 'c', undefined)), { maxLength: 12 })
  .map((steps) => {
    let mappings: Mapping[] = [];
    const names: (string | undefined)[] = new Array<undefined>(PAGES).fill(undefined);
    for (const [[first, end], name] of steps) {
      mappings = carve(mappings, first * PAGE_SIZE, end * PAGE_SIZE);
      if (name !== undefined) mappings = insert(mappings, mapping(first, end, name));
      names.fill(name, first, end);
    }
    return { mappings, names };
  });

test('carving and inserting change exactly the pages asked for, and keep the order', () => {
  const property = fc.property(list, ({ mappings, names }) => {
    expect(namesByPage(mappings)).toEqual(names);
    const starts = mappings.map(({ start }) => start);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    for (const one of mappings) expect(one.end).toBeGreaterThan(one.start);
  });
  fc.assert(property, { numRuns: 500, seed: 1 });
});

test('an address is found in the mapping that holds it, and nowhere else', () => {
  const property = fc.property(list, ({ mappings, names }) => {
    names.forEach((name, page) => {
      for (const offset of [0, 1, PAGE_SIZE - 1]) {
        expect(find(mappings, page * PAGE_SIZE + offset)?.name).toBe(name);
      }
    });
    expect(find(mappings, PAGES * PAGE_SIZE)).toBeUndefined();
  });
  fc.assert(property, { numRuns: 200, seed: 1 });
});

test('a range is covered when each of its pages is mapped', () => {
  const property = fc.property(list, range, ({ mappings, names }, [first, end]) => {
    const expected = names.slice(first, end).every((name) => name !== undefined);
    expect(covered(mappings, first * PAGE_SIZE, end * PAGE_SIZE)).toBe(expected);
  });
  fc.assert(property, { numRuns: 500, seed: 1 });
});

test('the gap found is the highest free range between the bounds', () => {
  const bounds = fc.tuple(fc.nat(PAGES), fc.nat(PAGES), fc.integer({ min: 1, max: 6 }));
  const property = fc.property(list, bounds, ({ mappings, names }, [bottom, top, length]) => {
    const isFree = (first: number) =>
      first >= bottom &&
      first + length <= top &&
      names.slice(first, first + length).every((name) => name === undefined);
    const firsts = Array.from({ length: PAGES }, (_, first) => first);
    const highest = firsts.findLast(isFree);
    const found = findGap(mappings, length * PAGE_SIZE, bottom * PAGE_SIZE, top * PAGE_SIZE);
    expect(found).toBe(highest === undefined ? undefined : highest * PAGE_SIZE);
  });
  fc.assert(property, { numRuns: 1000, seed: 1 });
});

describe('a protection', () => {
  test.each([
    [PROT_NONE, []],
    [PROT_READ, ['read']],
    [PROT_READ | PROT_WRITE, ['read', 'write']],
    [PROT_READ | PROT_EXEC, ['read', 'fetch']],
    // The page tables of x86-64 cannot forbid reading a page that may be written or executed.
    [PROT_WRITE, ['read', 'write']],
    [PROT_EXEC, ['read', 'fetch']],
  ] as const)('%i allows %j', (protection, expected) => {
    const accesses = ['read', 'write', 'fetch'] as const;
    expect(accesses.filter((access) => allows(protection, access))).toEqual(expected);
  });
});
