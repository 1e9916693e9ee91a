import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { OutOfFramesError, PhysicalMemory } from '../../../kernel-model/mm/physical-memory.ts';

const FRAMES = 64;

function makeMemory(frames = FRAMES, limit = Number.POSITIVE_INFINITY): PhysicalMemory {
  return new PhysicalMemory(new ArrayBuffer(frames * PAGE_SIZE), limit);
}

function fill(memory: PhysicalMemory, frame: number, byte: number): void {
  memory.bytes.fill(byte, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
  memory.markDirty(frame);
}

function isZero(memory: PhysicalMemory, frame: number): boolean {
  const bytes = memory.bytes.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
  return bytes.every((byte) => byte === 0);
}

describe('frames', () => {
  test('are given out zeroed, with one reference, to one owner at a time', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 40, size: 'max' });
    const property = fc.property(sizes, fc.infiniteStream(fc.nat()), (counts, choices) => {
      const memory = makeMemory();
      const owned: number[] = [];
      for (const count of counts) {
        const next = Number(choices.next().value);
        if (next % 3 === 0 && owned.length > 0) {
          for (const frame of owned.splice(next % owned.length, count)) memory.release(frame);
          continue;
        }
        if (owned.length + count > FRAMES / 4) continue;
        const first = memory.allocate(count);
        for (let frame = first; frame < first + count; frame++) {
          expect(owned).not.toContain(frame);
          expect(isZero(memory, frame)).toBe(true);
          expect(memory.referencesOf(frame)).toBe(1);
          fill(memory, frame, 0xaa);
          owned.push(frame);
        }
      }
      expect(memory.touchedCount).toBe(owned.length);
    });
    fc.assert(property, { numRuns: 200, seed: 1 });
  });

  test('are free only when the last reference is gone', () => {
    const memory = makeMemory(1);
    const frame = memory.allocate(1);
    memory.retain(frame);
    memory.release(frame);
    expect(() => memory.allocate(1)).toThrow(OutOfFramesError);
    memory.release(frame);
    expect(memory.allocate(1)).toBe(frame);
  });

  test.each(['ascending', 'descending', 'every other first'])(
    'freed in %s order can be had again as one run',
    (order) => {
      const memory = makeMemory();
      const first = memory.allocate(FRAMES);
      const frames = Array.from({ length: FRAMES }, (_, i) => first + i);
      if (order === 'descending') frames.reverse();
      if (order === 'every other first') frames.sort((a, b) => (a % 2) - (b % 2));
      for (const frame of frames) memory.release(frame);
      expect(memory.allocate(FRAMES)).toBe(first);
    },
  );

  test('that are used up are an error of their own', () => {
    const memory = makeMemory();
    memory.allocate(FRAMES);
    expect(() => memory.allocate(1)).toThrow(OutOfFramesError);
  });
});

describe('touched frames', () => {
  test('are those written to and in use', () => {
    const memory = makeMemory();
    const first = memory.allocate(4);
    expect(memory.touchedCount).toBe(0);
    fill(memory, first, 1);
    fill(memory, first, 2);
    fill(memory, first + 1, 0);
    expect(memory.touchedCount).toBe(2);
    memory.release(first);
    expect(memory.touchedCount).toBe(1);
  });

  test('may be as many as the limit', () => {
    const memory = makeMemory(FRAMES, 2);
    const first = memory.allocate(8);
    fill(memory, first, 1);
    fill(memory, first + 1, 1);
    expect(memory.limitExceeded).toBe(false);
    fill(memory, first + 2, 1);
    expect(memory.limitExceeded).toBe(true);
    memory.release(first);
    expect(memory.limitExceeded).toBe(false);
  });

  test('are put back with the allocation', () => {
    const memory = makeMemory();
    const first = memory.allocate(2);
    fill(memory, first, 1);
    const image = memory.saveAllocation();
    fill(memory, first + 1, 1);
    memory.release(first);
    memory.allocate(3);
    memory.restoreAllocation(image);
    expect(memory.touchedCount).toBe(1);
    expect([first, first + 1, first + 2].map((frame) => memory.referencesOf(frame))).toEqual([
      1, 1, 0,
    ]);
  });
});

describe('the write log', () => {
  test('names each frame once until it is cleared', () => {
    const memory = makeMemory();
    memory.allocate(3);
    for (const frame of [2, 0, 2, 2, 0]) memory.markDirty(frame);
    expect([...memory.dirtyFrames.subarray(0, memory.dirtyCount)]).toEqual([2, 0]);
    memory.clearDirty();
    expect(memory.dirtyCount).toBe(0);
    memory.markDirty(2);
    expect([...memory.dirtyFrames.subarray(0, memory.dirtyCount)]).toEqual([2]);
  });

  test('makes a hash stale once for each change, cleared or not', () => {
    const memory = makeMemory();
    memory.allocate(1);
    expect(memory.takeHashStale(0)).toBe(false);
    memory.markDirty(0);
    memory.clearDirty();
    expect([memory.takeHashStale(0), memory.takeHashStale(0)]).toEqual([true, false]);
    memory.markDirty(0);
    expect(memory.takeHashStale(0)).toBe(true);
    memory.markDirty(0);
    expect(memory.takeHashStale(0)).toBe(true);
    memory.markReplaced(0, 0, PAGE_SIZE);
    expect(memory.takeHashStale(0)).toBe(true);
  });

  test('tells of the first write to a frame that holds code', () => {
    const memory = makeMemory();
    const told: number[] = [];
    memory.onCodeWrite = (frame) => told.push(frame);
    memory.allocate(2);
    memory.markDirty(0);
    memory.flagCode(0);
    memory.markDirty(1);
    expect(told).toEqual([]);
    memory.markDirty(0);
    memory.markDirty(0);
    expect(told).toEqual([0]);
    memory.flagCode(0);
    memory.clearDirty();
    memory.markReplaced(0, 0, PAGE_SIZE);
    memory.markReplaced(0, 0, PAGE_SIZE);
    expect(told).toEqual([0, 0]);
  });
});

test('an allocation not changed since is saved as the same object', () => {
  const memory = makeMemory();
  const first = memory.allocate(1);
  memory.markDirty(first);
  const image = memory.saveAllocation();
  memory.markDirty(first);
  expect(memory.saveAllocation()).toBe(image);
  memory.retain(first);
  const later = memory.saveAllocation();
  expect(later).not.toBe(image);
  memory.restoreAllocation(image);
  expect(memory.saveAllocation()).toBe(image);
  expect(later.version).not.toBe(image.version);
});
