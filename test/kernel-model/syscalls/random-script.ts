import fc from 'fast-check';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { READ_WRITE } from '../harness.ts';

/** The calls work on these pages, some of which are mapped at first. */
const PAGES = 6;
/** Holds a timeout of a microsecond for those calls that would wait. */
const TIMEOUT = READ_WRITE + 0x100;

const page = fc.nat(PAGES - 1).map((index) => READ_WRITE + index * PAGE_SIZE);
const edge = fc.constantFrom(0x8000_0000_0000, -4096, -8191);
const address = fc.oneof(
  { weight: 8, arbitrary: page },
  { weight: 2, arbitrary: fc.tuple(page, fc.constantFrom(1, 2, 4, 4092, 4094)).map(sum) },
  { weight: 1, arbitrary: edge },
);
/** No range of these, from those addresses, meets memory of the program that runs the script. */
const length = fc.constantFrom(0, 1, 4096, 4097, 8192, 12288, -1, -4096);
const protection = fc.constantFrom(0, 1, 2, 3, 5, 7, 8, 16, 0x100_0003);
const count = fc.constantFrom(0, 1, 2, -1);

const wait = fc
  .tuple(
    address,
    fc.constantFrom(0, 9).chain(withFutexFlags),
    fc.constantFrom(0, 1, 7),
    fc.constantFrom(TIMEOUT, TIMEOUT + PAGE_SIZE * PAGES, -8),
    fc.constant(0),
    fc.constantFrom(0, 1, -1),
  )
  .map((args) => step('call', 202, args));
const futex = fc
  .tuple(
    address,
    fc.constantFrom(1, 3, 4, 5, 10, 2, 99).chain(withFutexFlags),
    count,
    count,
    address,
    fc.constantFrom(0, 1, -1, 0x0000_5007, 0x1100_1000, 0x2fff_f000, 0x5000_0000, 0x9501_f00a),
  )
  .map((args) => step('call', 202, args));
const mmap = fc
  .tuple(
    address,
    length,
    protection,
    fc
      .tuple(
        fc.constantFrom(0, 1, 2, 2, 2, 3, 4),
        fc.constantFrom(0, 0x10, 0x10, 0x10_0000),
        fc.constantFrom(0, 0x20, 0x20, 0x20),
      )
      .map((flags) => flags.reduce<number>((all, flag) => all | flag, 0)),
    fc.constantFrom(-1, 0, 1, 9),
    fc.constantFrom(0, 0, 0, 1, 4096),
  )
  .map((args) => step('try', 9, args));
const munmap = fc.tuple(address, length).map((args) => step('call', 11, args));
const mprotect = fc.tuple(address, length, protection).map((args) => step('call', 10, args));
const madvise = fc
  .tuple(address, length, fc.constantFrom(0, 1, 2, 3, 4, 4, 8, 16, 5, 99))
  .map((args) => step('call', 28, args));
const membarrier = fc
  .tuple(
    fc.oneof(
      fc.nat(10).map((bit) => 1 << bit),
      fc.constantFrom(0, 3, 192, -1),
    ),
    fc.constantFrom(0, 0, 0, 1, 2),
    fc.constantFrom(0, 1, 99, -1),
  )
  .map((args) => step('call', 324, args));
const write = fc
  .tuple(fc.constantFrom(1, 2, 0, 9), address, length)
  .map((args) => step('call', 1, args));
const getaffinity = fc
  .tuple(fc.constantFrom(0, 9_999_999, -1), fc.constantFrom(0, 1, 4, 8, 12), address)
  .map((args) => step('call', 204, args));
const getres = fc
  .tuple(fc.constantFrom(0, 1, 4, 7, 10, 11, 12), address)
  .map((args) => step('call', 229, args));

/** A script of calls on memory that they themselves map, unmap and write. */
export const randomScript = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: mmap },
      { weight: 3, arbitrary: fc.oneof(munmap, mprotect, madvise) },
      { weight: 3, arbitrary: fc.oneof(futex, wait) },
      { weight: 1, arbitrary: fc.oneof(membarrier, write, getaffinity, getres) },
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((steps) =>
    [`poke ${TIMEOUT} 0`, `poke ${TIMEOUT + 8} 1000`, ...steps, ...probes()].join('\n'),
  );

function sum([a, b]: readonly [number, number]): number {
  return a + b;
}

function withFutexFlags(command: number): fc.Arbitrary<number> {
  return fc.constantFrom(0, 128, 128, 256, 384).map((flags) => command | flags);
}

function step(verb: 'call' | 'try', number: number, args: readonly number[]): string {
  return [verb, number, ...args].join(' ');
}

/** Shows for each page whether it can be read (a futex wait) and written (clock_getres). */
function probes(): string[] {
  return Array.from({ length: PAGES }, (_, index) => READ_WRITE + index * PAGE_SIZE).flatMap(
    (start) => [
      step('call', 202, [start, 128, 12_345_678, TIMEOUT]),
      step('call', 229, [1, start]),
    ],
  );
}
