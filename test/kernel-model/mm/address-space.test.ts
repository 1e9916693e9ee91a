import { describe, expect, test } from 'vitest';
import { PAGE_SIZE, TASK_SIZE } from '../../../kernel-model/hardware/address.ts';
import { AddressSpace } from '../../../kernel-model/mm/address-space.ts';
import { PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import { PhysicalMemory } from '../../../kernel-model/mm/physical-memory.ts';
import { UserMemory } from '../../../kernel-model/mm/user-memory.ts';

const BASE = 0x1000_0000;
const TEBIBYTE = 2 ** 40;
const TABLE_PAGES = 512;
const READ_WRITE = PROT_READ | PROT_WRITE;

function makeSpace(frames = 2048): AddressSpace {
  const memory = new PhysicalMemory(new ArrayBuffer(frames * PAGE_SIZE), frames);
  return new AddressSpace(memory);
}

function map(
  space: AddressSpace,
  start: number,
  length: number,
  protection = READ_WRITE,
  shared = false,
): void {
  space.map({ start, end: start + length, protection, shared, name: 'test' });
}

function framesInUse({ memory }: AddressSpace): number {
  let count = 0;
  for (let frame = 0; frame < memory.frameCount; frame++) {
    if (memory.referencesOf(frame) > 0) count++;
  }
  return count;
}

describe('a reservation', () => {
  test.each([
    ['without access', PROT_NONE],
    ['for reading and writing', READ_WRITE],
  ])('of 64 TiB %s costs no frame until it is touched', (_, protection) => {
    const space = makeSpace();
    map(space, TEBIBYTE, 64 * TEBIBYTE, protection);
    space.protect(2 * TEBIBYTE, 3 * TEBIBYTE, READ_WRITE);
    expect(framesInUse(space)).toBe(0);
    expect(space.engineMappings()).toEqual([]);
    const touched = 2 * TEBIBYTE + 5 * PAGE_SIZE;
    expect(new UserMemory(space).writeU32(touched, 7)).toBe(true);
    expect(space.memory.touchedCount).toBe(1);
    expect(framesInUse(space)).toBeLessThanOrEqual(TABLE_PAGES);
    space.unmap(TEBIBYTE, 65 * TEBIBYTE);
    expect(framesInUse(space)).toBe(0);
    expect(space.memory.touchedCount).toBe(0);
  });

  test('larger than RAM can be touched here and there', () => {
    const space = makeSpace();
    const user = new UserMemory(space);
    map(space, BASE, 64 << 20);
    const places = Array.from({ length: 32 }, (_, i) => BASE + i * (2 << 20) + 8);
    for (const place of places) expect(user.writeU32(place, place)).toBe(true);
    expect(places.map((place) => user.readU32(place))).toEqual(places);
    expect(space.memory.touchedCount).toBe(places.length);
  });
});

test('memory that is mapped, filled and unmapped again and again does not run out', () => {
  const space = makeSpace(256);
  const user = new UserMemory(space);
  const pages = 100;
  for (let round = 0; round < 20; round++) {
    map(space, BASE, pages * PAGE_SIZE);
    expect(user.write(BASE, new Uint8Array(pages * PAGE_SIZE).fill(round))).toBe(true);
    for (let page = pages - 1; page >= 0; page--) {
      space.unmap(BASE + page * PAGE_SIZE, BASE + (page + 1) * PAGE_SIZE);
    }
  }
  expect(framesInUse(space)).toBe(0);
});

test('frames used before count as touched only when they are touched again', () => {
  const space = makeSpace();
  const user = new UserMemory(space);
  map(space, BASE, 16 * PAGE_SIZE);
  user.write(BASE, new Uint8Array(16 * PAGE_SIZE).fill(1));
  expect(space.memory.touchedCount).toBe(16);
  map(space, BASE, 16 * PAGE_SIZE);
  user.writeU32(BASE, 1);
  expect(space.memory.touchedCount).toBe(1);
  expect(user.readU32(BASE + PAGE_SIZE)).toBe(0);
});

describe('engine mappings', () => {
  test('are one run for pages that follow one another', () => {
    const space = makeSpace();
    map(space, BASE, 8 * PAGE_SIZE);
    space.resolveFault(BASE, 'read');
    const run = { address: BASE, length: 8 * PAGE_SIZE, ramOffset: 0, protection: READ_WRITE };
    expect(space.engineMappings()).toEqual([run]);
    expect(space.engineMappings()).toBe(space.engineMappings());
  });

  test('are cut where protections differ, and joined again', () => {
    const space = makeSpace();
    map(space, BASE, 3 * PAGE_SIZE);
    space.resolveFault(BASE, 'read');
    space.protect(BASE + PAGE_SIZE, BASE + 2 * PAGE_SIZE, PROT_READ | PROT_EXEC);
    expect(space.engineMappings().map(({ protection }) => protection)).toEqual([3, 5, 3]);
    space.protect(BASE, BASE + 3 * PAGE_SIZE, PROT_READ);
    expect(space.engineMappings()).toHaveLength(1);
  });

  test('do not allow stores to a frame that a fork shares, until it is copied', () => {
    const space = makeSpace();
    map(space, BASE, 2 * PAGE_SIZE);
    new UserMemory(space).writeU32(BASE, 1);
    const child = space.fork();
    expect(space.engineMappings().map(({ protection }) => protection)).toEqual([PROT_READ]);
    expect(child.resolveFault(BASE, 'write')).toBeUndefined();
    expect(child.engineMappings().map(({ protection }) => protection)).toEqual([3, 1]);
    expect(space.resolveFault(BASE, 'write')).toBeUndefined();
    expect(space.frameAt(BASE)).not.toBe(child.frameAt(BASE));
  });
});

describe('a fork', () => {
  test('leaves each side its own private bytes, and both the same shared ones', () => {
    const space = makeSpace();
    map(space, BASE, PAGE_SIZE);
    map(space, BASE + PAGE_SIZE, PAGE_SIZE, READ_WRITE, true);
    const child = space.fork();
    const [ours, theirs] = [new UserMemory(space), new UserMemory(child)];
    ours.writeU32(BASE, 1);
    theirs.writeU32(BASE, 2);
    theirs.writeU32(BASE + PAGE_SIZE, 3);
    expect([ours.readU32(BASE), theirs.readU32(BASE)]).toEqual([1, 2]);
    expect([ours.readU32(BASE + PAGE_SIZE), theirs.readU32(BASE + PAGE_SIZE)]).toEqual([3, 3]);
  });

  test('puts the copy it makes at a write into the write log', () => {
    const space = makeSpace();
    map(space, BASE, PAGE_SIZE);
    new UserMemory(space).writeU32(BASE, 1);
    const child = space.fork();
    space.memory.clearDirty();
    child.resolveFault(BASE, 'write');
    expect(space.memory.dirtyCount).toBe(1);
    expect(space.memory.dirtyFrames[0]).toBe(child.frameAt(BASE));
  });

  test('gives the last owner its frame without a copy', () => {
    const space = makeSpace();
    map(space, BASE, PAGE_SIZE);
    new UserMemory(space).writeU32(BASE, 1);
    const frame = space.frameAt(BASE);
    space.fork().destroy();
    new UserMemory(space).writeU32(BASE, 2);
    expect(space.frameAt(BASE)).toBe(frame);
    expect(framesInUse(space)).toBe(1);
  });
});

describe('the version', () => {
  test('changes with mappings and pages, not with contents', () => {
    const space = makeSpace();
    const versions = new Set([space.version]);
    const changes = [
      () => map(space, BASE, 2 * PAGE_SIZE),
      () => space.resolveFault(BASE, 'read'),
      () => space.protect(BASE, BASE + PAGE_SIZE, PROT_READ),
      () => space.unmap(BASE, BASE + PAGE_SIZE),
      () => {
        space.breakEnd = BASE;
      },
    ];
    for (const change of changes) {
      change();
      expect(versions).not.toContain(space.version);
      versions.add(space.version);
    }
    new UserMemory(space).writeU32(BASE + PAGE_SIZE, 1);
    expect(versions).toContain(space.version);
  });

  test('of a state saved is not given to another after going back', () => {
    const space = makeSpace();
    map(space, BASE, PAGE_SIZE);
    const image = space.save();
    map(space, BASE, PAGE_SIZE, PROT_READ);
    const other = space.version;
    space.restore(image);
    expect(space.version).toBe(image.version);
    expect(space.save()).toBe(image);
    map(space, BASE, PAGE_SIZE, PROT_NONE);
    expect([image.version, other]).not.toContain(space.version);
  });
});

test('the last page below TASK_SIZE is memory like any other, and nothing lies above', () => {
  const space = makeSpace();
  const user = new UserMemory(space);
  map(space, TASK_SIZE - PAGE_SIZE, PAGE_SIZE);
  expect(user.writeU64(TASK_SIZE - 8, 5n)).toBe(true);
  expect(user.readU64(TASK_SIZE - 8)).toBe(5n);
  expect(user.writeU64(TASK_SIZE - 4, 5n)).toBe(false);
  expect(user.readU32(TASK_SIZE)).toBeUndefined();
});
