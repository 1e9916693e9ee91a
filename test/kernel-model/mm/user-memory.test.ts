import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { AddressSpace } from '../../../kernel-model/mm/address-space.ts';
import { PROT_NONE, PROT_READ, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import { PhysicalMemory } from '../../../kernel-model/mm/physical-memory.ts';
import { UserMemory } from '../../../kernel-model/mm/user-memory.ts';

/** Above 2^32, so that 32-bit arithmetic on addresses would show. */
const BASE = 0x7_1234_5000;
const READ_ONLY = BASE + 2 * PAGE_SIZE;
const NO_ACCESS = BASE + 3 * PAGE_SIZE;

/** Two pages to read and write, then one to read, one without access, and a hole. */
function makeMemory(): UserMemory {
  const space = new AddressSpace(new PhysicalMemory(new ArrayBuffer(64 * PAGE_SIZE), 64));
  const map = (start: number, end: number, protection: number) =>
    space.map({ start, end, protection, shared: false, name: 'test' });
  map(BASE, READ_ONLY, PROT_READ | PROT_WRITE);
  map(READ_ONLY, NO_ACCESS, PROT_READ);
  map(NO_ACCESS, NO_ACCESS + PAGE_SIZE, PROT_NONE);
  return new UserMemory(space);
}

const offset = fc.oneof(
  fc.integer({ min: 0, max: 2 * PAGE_SIZE - 8 }),
  fc.integer({ min: PAGE_SIZE - 8, max: PAGE_SIZE }),
);

describe('words', () => {
  test('are little-endian bytes at any alignment, across pages too', () => {
    const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const property = fc.property(offset, word, fc.boolean(), (at, value, isLong) => {
      const memory = makeMemory();
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, value, true);
      const address = BASE + at;
      const low = Number(value & 0xffff_ffffn);
      if (isLong) {
        expect(memory.writeU64(address, value)).toBe(true);
        expect(memory.read(address, 8)).toEqual(bytes);
        expect(memory.readU64(address)).toBe(value);
      } else {
        expect(memory.writeU32(address, low)).toBe(true);
        expect(memory.read(address, 4)).toEqual(bytes.slice(0, 4));
        expect(memory.readU32(address)).toBe(low);
      }
    });
    fc.assert(property, { numRuns: 500, seed: 1 });
  });

  test('written in pairs, or read as numbers, are the same words', () => {
    const memory = makeMemory();
    expect(memory.writeU32Pair(BASE + 8, 0x89ab_cdef, 0x7654)).toBe(true);
    expect(memory.readU64(BASE + 8)).toBe(0x7654_89ab_cdefn);
    expect(memory.readU64AsNumber(BASE + 8)).toBe(0x7654_89ab_cdef);
    expect([memory.isZeroU64(BASE), memory.isZeroU64(BASE + 8)]).toEqual([true, false]);
    memory.writeU64(BASE + 8, 1n << 32n);
    expect(memory.isZeroU64(BASE + 8)).toBe(false);
  });

  test.each([
    ['a hole', NO_ACCESS + PAGE_SIZE],
    ['no access', NO_ACCESS],
    ['a page to read and one without access', NO_ACCESS - 2],
  ])('cannot be read from %s', (_, address) => {
    const memory = makeMemory();
    expect(memory.readU32(address)).toBeUndefined();
    expect(memory.readU64(address)).toBeUndefined();
    expect(memory.read(address, 8)).toBeUndefined();
  });

  test.each([
    ['a hole', NO_ACCESS + PAGE_SIZE],
    ['no access', NO_ACCESS],
    ['a page to read', READ_ONLY],
  ])('cannot be written to %s', (_, address) => {
    const memory = makeMemory();
    expect(memory.writeU32(address, 1)).toBe(false);
    expect(memory.writeU64(address, 1n)).toBe(false);
    expect(memory.writeU32Pair(address, 1, 1)).toBe(false);
  });
});

describe('bytes', () => {
  test('are written whole or not at all', () => {
    const memory = makeMemory();
    expect(memory.write(READ_ONLY - 4, new Uint8Array(8).fill(1))).toBe(false);
    expect(memory.writeU64(READ_ONLY - 3, 2n ** 64n - 1n)).toBe(false);
    expect(memory.readU32(READ_ONLY - 4)).toBe(0);
    expect(memory.write(READ_ONLY - 8, new Uint8Array(8).fill(1))).toBe(true);
  });

  test('of length zero never fault', () => {
    const memory = makeMemory();
    expect(memory.read(0, 0)).toEqual(new Uint8Array(0));
    expect(memory.write(0, new Uint8Array(0))).toBe(true);
  });
});

describe('a string', () => {
  test('ends at its first zero byte', () => {
    const memory = makeMemory();
    memory.write(BASE + PAGE_SIZE - 3, new TextEncoder().encode('across\0more'));
    expect(memory.readString(BASE + PAGE_SIZE - 3, 64)).toBe('across');
    expect(memory.readString(BASE + PAGE_SIZE - 3, 6)).toBeUndefined();
    expect(memory.readString(BASE + PAGE_SIZE - 3, 7)).toBe('across');
    expect(memory.readString(NO_ACCESS, 64)).toBeUndefined();
  });
});

test('an observer hears of every access that is carried out, and of no other', () => {
  const memory = makeMemory();
  const seen: unknown[] = [];
  memory.observer = (...access) => seen.push(access);
  memory.writeU32(BASE, 1);
  memory.writeU32Pair(BASE + 8, 1, 1);
  memory.readU64(BASE + 8);
  memory.isZeroU64(BASE + 8);
  memory.readU64AsNumber(BASE + 8);
  memory.write(BASE + PAGE_SIZE - 1, Uint8Array.of(1, 2));
  memory.readU32(NO_ACCESS);
  memory.writeU32(READ_ONLY, 1);
  expect(seen).toEqual([
    ['write', BASE, 4],
    ['write', BASE + 8, 8],
    ['read', BASE + 8, 8],
    ['read', BASE + 8, 8],
    ['read', BASE + 8, 8],
    ['write', BASE + PAGE_SIZE - 1, 1],
    ['write', BASE + PAGE_SIZE, 1],
  ]);
});

test('every write is in the write log', () => {
  const memory = makeMemory();
  const { space } = memory;
  const writes = [
    () => memory.writeU32(BASE, 1),
    () => memory.writeU32(BASE + 1, 1),
    () => memory.writeU64(BASE, 1n),
    () => memory.writeU64(BASE + 1, 1n),
    () => memory.writeU32Pair(BASE, 1, 1),
    () => memory.write(BASE, Uint8Array.of(1)),
  ];
  space.resolveFault(BASE, 'write');
  for (const write of writes) {
    space.memory.clearDirty();
    expect(write()).toBe(true);
    expect([...space.memory.dirtyFrames.subarray(0, space.memory.dirtyCount)]).toEqual([
      space.frameAt(BASE),
    ]);
  }
});
