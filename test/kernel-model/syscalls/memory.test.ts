import { describe, expect, test } from 'vitest';
import { ERRNO } from '../../../kernel-model/abi/errno.ts';
import { MADV, MAP, MMAP_BASE } from '../../../kernel-model/abi/mman.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import { HEAP, READ_WRITE, TestMachine } from '../harness.ts';

const PRIVATE = MAP.PRIVATE | MAP.ANONYMOUS;
const READABLE = PROT_READ | PROT_WRITE;
const TIB = 2 ** 40;

function mmap(machine: TestMachine, hint: number, length: number, flags: number = PRIVATE): number {
  return machine.call('mmap', [hint, length, READABLE, flags, -1, 0]);
}

describe('mmap', () => {
  test('takes the highest free range below the stack, downwards', () => {
    const machine = new TestMachine();
    expect(mmap(machine, 0, 1)).toBe(MMAP_BASE - PAGE_SIZE);
    expect(mmap(machine, 0, 3 * PAGE_SIZE)).toBe(MMAP_BASE - 4 * PAGE_SIZE);
  });

  test('fills a gap that fits, and passes over one that does not', () => {
    const machine = new TestMachine();
    const [, second] = [0, 0, 0].map(() => mmap(machine, 0, PAGE_SIZE));
    machine.call('munmap', [second ?? 0, PAGE_SIZE]);
    expect(mmap(machine, 0, 2 * PAGE_SIZE)).toBe(MMAP_BASE - 5 * PAGE_SIZE);
    expect(mmap(machine, 0, PAGE_SIZE)).toBe(second);
  });

  test('keeps to a hint whose range is free, and only to that', () => {
    const machine = new TestMachine();
    const hint = 0x3000_0000;
    expect(mmap(machine, hint + 5, 2 * PAGE_SIZE)).toBe(hint);
    expect(mmap(machine, hint - PAGE_SIZE, 2 * PAGE_SIZE)).toBe(MMAP_BASE - 2 * PAGE_SIZE);
  });

  test('gives zeroed memory of its own, where a fixed address had something else', () => {
    const machine = new TestMachine();
    machine.memory.writeU64(READ_WRITE, 7n);
    expect(mmap(machine, READ_WRITE, PAGE_SIZE, PRIVATE | MAP.FIXED)).toBe(READ_WRITE);
    expect(machine.memory.readU64(READ_WRITE)).toBe(0n);
  });

  test('reserves terabytes without touching memory', () => {
    const machine = new TestMachine();
    const start = machine.call('mmap', [0, 16 * TIB, 0, PRIVATE, -1, 0]);
    expect(start).toBe(MMAP_BASE - 16 * TIB);
    expect(machine.call('mprotect', [start + TIB, PAGE_SIZE, READABLE])).toBe(0);
    expect(machine.memory.writeU64(start + TIB, 1n)).toBe(true);
    expect(machine.memory.writeU64(start, 1n)).toBe(false);
    expect(machine.space.memory.touchedCount).toBe(1);
  });

  test('runs out of addresses', () => {
    const machine = new TestMachine();
    expect(mmap(machine, 0, 100 * TIB)).toBeGreaterThan(0);
    expect(mmap(machine, 0, 100 * TIB)).toBe(-ERRNO.ENOMEM);
  });

  test('of data may be executable: who writes code at run time asks for it', () => {
    const machine = new TestMachine();
    const args = [0, PAGE_SIZE, READABLE | PROT_EXEC, PRIVATE, -1, 0];
    const start = machine.call('mmap', args);
    expect(machine.space.mappingAt(start)?.protection).toBe(READABLE | PROT_EXEC);
  });

  test.each([
    ['MAP_GROWSDOWN', PRIVATE | MAP.GROWSDOWN],
    ['MAP_32BIT', PRIVATE | MAP.B32BIT],
    ['MAP_DROPPABLE', MAP.DROPPABLE | MAP.ANONYMOUS],
  ])('does not support %s', (name, flags) => {
    const outcome = new TestMachine().syscall(1, 'mmap', [0, PAGE_SIZE, READABLE, flags, -1, 0]);
    expect(outcome).toEqual({ kind: 'unsupported', message: expect.stringContaining(name) });
  });

  test('has no huge pages in reserve', () => {
    const machine = new TestMachine();
    expect(mmap(machine, 0, 2 << 20, PRIVATE | MAP.HUGETLB)).toBe(-ERRNO.ENOMEM);
  });
});

describe('brk', () => {
  test('tells the break, moves it by bytes and maps whole pages', () => {
    const machine = new TestMachine();
    expect(machine.call('brk', [0])).toBe(HEAP);
    expect(machine.call('brk', [HEAP + 5000])).toBe(HEAP + 5000);
    expect(machine.memory.writeU64(HEAP + 8184, 7n)).toBe(true);
    expect(machine.memory.writeU64(HEAP + 8192, 7n)).toBe(false);
    expect(machine.call('brk', [HEAP + 8192])).toBe(HEAP + 8192);
    expect(machine.memory.readU64(HEAP + 8184)).toBe(7n);
  });

  test('gives back what lies above, and memory is zero when it comes again', () => {
    const machine = new TestMachine();
    machine.call('brk', [HEAP + 8192]);
    machine.memory.writeU64(HEAP + 4096, 7n);
    expect(machine.call('brk', [HEAP + 1])).toBe(HEAP + 1);
    expect(machine.memory.readU64(HEAP + 4096)).toBeUndefined();
    machine.call('brk', [HEAP + 8192]);
    expect(machine.memory.readU64(HEAP + 4096)).toBe(0n);
  });

  test.each([
    ['below its start', HEAP - 1],
    ['beyond user space', -4096],
    ['with less than a page to the next mapping', HEAP + 0x9001],
  ])('stays where it is when asked for one %s', (_, wanted) => {
    const machine = new TestMachine();
    mmap(machine, HEAP + 0xa000, PAGE_SIZE);
    machine.call('brk', [HEAP + 100]);
    expect(machine.call('brk', [wanted])).toBe(HEAP + 100);
    expect(machine.call('brk', [HEAP + 0x9000])).toBe(HEAP + 0x9000);
  });
});

describe('madvise', () => {
  test('DONTNEED makes private memory zero and gives its frames back', () => {
    const machine = new TestMachine();
    machine.memory.writeU64(READ_WRITE, 7n);
    const touched = machine.space.memory.touchedCount;
    expect(machine.call('madvise', [READ_WRITE, PAGE_SIZE, MADV.DONTNEED])).toBe(0);
    expect(machine.space.memory.touchedCount).toBe(touched - 1);
    expect(machine.memory.readU64(READ_WRITE)).toBe(0n);
  });

  test("DONTNEED on the program's image would need the file", () => {
    const machine = new TestMachine();
    const start = 0x40_0000;
    const end = start + PAGE_SIZE;
    const image = { start, end, protection: READABLE, shared: false, name: 'data', isImage: true };
    machine.space.map(image);
    expect(machine.syscall(1, 'madvise', [start, PAGE_SIZE, MADV.DONTNEED]).kind).toBe(
      'unsupported',
    );
    expect(machine.call('madvise', [start, PAGE_SIZE, MADV.WILLNEED])).toBe(0);
  });

  test('of another kind with an effect is not supported', () => {
    const machine = new TestMachine();
    for (const advice of [MADV.WIPEONFORK, MADV.POPULATE_WRITE, MADV.GUARD_INSTALL]) {
      expect(machine.syscall(1, 'madvise', [READ_WRITE, PAGE_SIZE, advice]).kind).toBe(
        'unsupported',
      );
    }
  });
});
