import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { EMPTY_MEMORY, MemoryImages } from '../../../kernel-model/mm/memory-images.ts';
import { PhysicalMemory } from '../../../kernel-model/mm/physical-memory.ts';
import { isFullRun } from '../../support/matrix.ts';

/** More than an image keeps in one piece. */
const FRAMES = 1100;
/** Frames that tests write to: in each piece, at its ends. */
const USED = [0, 1, 2, 62, 63, 64, 65, 66, 1023, 1024, 1099] as const;

function makeMemory(): PhysicalMemory {
  const memory = new PhysicalMemory(new ArrayBuffer(FRAMES * PAGE_SIZE), FRAMES);
  memory.allocate(FRAMES);
  return memory;
}

function store(memory: PhysicalMemory, frame: number, offset: number, byte: number): void {
  memory.bytes[frame * PAGE_SIZE + offset] = byte;
  memory.markDirty(frame);
}

/** The bytes that are not zero in the frames in use, by offset in RAM. */
function contents(memory: PhysicalMemory): string {
  return USED.map((frame) => {
    const bytes = memory.bytes.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
    return Buffer.from(bytes).toString('base64');
  }).join();
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant('store' as const),
    frame: fc.constantFrom(...USED),
    offset: fc.constantFrom(0, 8, PAGE_SIZE - 1),
    byte: fc.nat(255),
  }),
  fc.record({ kind: fc.constant('take' as const) }),
  fc.record({ kind: fc.constant('restore' as const), index: fc.nat(19) }),
);

test('any image can be gone back to from anywhere: earlier, later, or on another branch', () => {
  const steps = fc.array(step, { maxLength: 60, size: 'max' });
  const property = fc.property(steps, (list) => {
    const memory = makeMemory();
    const images = new MemoryImages(memory);
    const taken = [{ image: EMPTY_MEMORY, expected: contents(memory) }];
    for (const one of list) {
      if (one.kind === 'store') store(memory, one.frame, one.offset, one.byte);
      if (one.kind === 'take') taken.push({ image: images.take(), expected: contents(memory) });
      if (one.kind !== 'restore') continue;
      const target = taken[one.index % taken.length] ?? taken[0];
      if (target === undefined) continue;
      images.restore(target.image);
      expect(contents(memory) === target.expected).toBe(true);
      expect(memory.dirtyCount).toBe(0);
    }
  });
  fc.assert(property, { numRuns: isFullRun ? 1000 : 60, seed: 1 });
});

describe('an image', () => {
  test('of memory not written since is the same object', () => {
    const memory = makeMemory();
    const images = new MemoryImages(memory);
    store(memory, 3, 0, 1);
    const image = images.take();
    expect(images.take()).toBe(image);
    store(memory, 3, 0, 1);
    expect(images.take()).not.toBe(image);
  });

  test('shares the pages that were not written', () => {
    const memory = makeMemory();
    const images = new MemoryImages(memory);
    for (const frame of USED) store(memory, frame, 0, 1);
    const first = images.take();
    store(memory, 1, 0, 2);
    const second = images.take();
    expect(second.chunks[0]?.[0]).toBe(first.chunks[0]?.[0]);
    expect(second.chunks[0]?.[1]).not.toBe(first.chunks[0]?.[1]);
    expect(second.chunks[1]).toBe(first.chunks[1]);
  });

  test('is not changed by what is written later', () => {
    const memory = makeMemory();
    const images = new MemoryImages(memory);
    store(memory, 0, 5, 1);
    const image = images.take();
    store(memory, 0, 5, 2);
    images.take();
    images.restore(image);
    expect(memory.bytes[5]).toBe(1);
  });

  test('makes the hashes of the frames it replaces stale, and of no others', () => {
    const memory = makeMemory();
    const images = new MemoryImages(memory);
    store(memory, 0, 0, 1);
    store(memory, 600, 0, 1);
    const image = images.take();
    store(memory, 600, 0, 2);
    images.take();
    for (const frame of [0, 600]) memory.takeHashStale(frame);
    images.restore(image);
    expect([0, 600].map((frame) => memory.takeHashStale(frame))).toEqual([false, true]);
  });
});
