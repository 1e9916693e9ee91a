import { expect } from 'vitest';
import { NO_STOPS, type RunStops } from '../../emulator/engine/engine.ts';
import { ending, fill, jump, load, nop, set, store } from './abstract-program.ts';
import type { ContractCheck } from './contract.ts';
import { CODE, DATA, NOWHERE, PAGE, Rig, type Subject } from './rig.ts';

const VALUE = 0x8877_6655_4433_2211n;
const AT_BOUNDARIES: RunStops = { ...NO_STOPS, boundaries: true };

function stopsAt(address: number): RunStops {
  return { boundaries: false, instructions: new Set([address]) };
}

function storesInOrder(subject: Subject): void {
  const rig = new Rig(subject);
  const placed = rig.load([
    set('rax', VALUE),
    store(DATA + 8, 8),
    store(DATA, 4),
    load(DATA),
    set('rax', VALUE),
    store(DATA + 100, 2),
    store(DATA + 3, 1),
    store(DATA + 13, 8),
  ]);
  expect(rig.cpu.run(placed.length)).toEqual({ kind: 'budget' });
  const at = (index: number) => placed[index]?.address;
  const kind = 'store';
  expect(rig.engine.log.length).toBe(5);
  expect(rig.takeLog()).toEqual([
    { kind, address: DATA + 8, sizeBytes: 8, value: VALUE, instruction: at(1) },
    { kind, address: DATA, sizeBytes: 4, value: 0x4433_2211n, instruction: at(2) },
    { kind, address: DATA + 100, sizeBytes: 2, value: 0x2211n, instruction: at(5) },
    { kind, address: DATA + 3, sizeBytes: 1, value: 0x11n, instruction: at(6) },
    { kind, address: DATA + 13, sizeBytes: 8, value: VALUE, instruction: at(7) },
  ]);
  expect(rig.engine.log.length).toBe(0);
  expect(rig.takeLog()).toEqual([]);
}

function wideValues(subject: Subject): void {
  const rig = new Rig(subject);
  rig.load([set('rax', 0x1f_ffff_ffff_fff1n), store(DATA)]);
  rig.cpu.run(2);
  expect(rig.engine.log.valueNumber(0)).toBe(0x1f_ffff_ffff_fff1);
}

function loadsOnDemand(subject: Subject): void {
  const program = [load(DATA + 8), store(DATA + 16), load(DATA + PAGE - 3), load(DATA + PAGE)];
  const rig = new Rig(subject, { logReads: true });
  const placed = rig.load(program);
  expect(rig.cpu.run(4)).toEqual({ kind: 'budget' });
  const records = rig.takeLog().map(({ kind, address, sizeBytes, instruction }) => ({
    kind,
    address,
    sizeBytes,
    instruction: placed.findIndex((one) => one.address === instruction),
  }));
  expect(records).toEqual([
    { kind: 'load', address: DATA + 8, sizeBytes: 8, instruction: 0 },
    { kind: 'store', address: DATA + 16, sizeBytes: 8, instruction: 1 },
    { kind: 'load', address: DATA + PAGE - 3, sizeBytes: 3, instruction: 2 },
    { kind: 'load', address: DATA + PAGE, sizeBytes: 5, instruction: 2 },
    { kind: 'load', address: DATA + PAGE, sizeBytes: 8, instruction: 3 },
  ]);
  const without = new Rig(subject);
  without.load(program);
  without.cpu.run(4);
  expect(without.takeLog()).toMatchObject([{ kind: 'store' }]);
}

/** Each record lies in one page, so that who follows dirty pages needs to look at its address only. */
function splitsAtPages(subject: Subject): void {
  for (const before of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const rig = new Rig(subject);
    const address = DATA + PAGE - before;
    const [, instruction] = rig.load([set('rax', VALUE), store(address)]);
    rig.cpu.run(2);
    const logged = rig.takeLog();
    const bytes = logged.flatMap((record) =>
      Array.from({ length: record.sizeBytes }, (_, i) => ({
        address: record.address + i,
        byte: (record.value >> BigInt(8 * i)) & 0xffn,
      })),
    );
    expect(bytes).toEqual(
      Array.from({ length: 8 }, (_, i) => ({
        address: address + i,
        byte: (VALUE >> BigInt(8 * i)) & 0xffn,
      })),
    );
    expect(logged).toHaveLength(before === 8 ? 1 : 2);
    for (const record of logged) expect(record.instruction).toBe(instruction?.address);
    expect(rig.word(address)).toBe(VALUE);
  }
}

/** More than any log holds: it is emptied on the way and nothing is lost or doubled. */
function fullLog(subject: Subject): void {
  const rig = new Rig(subject);
  const stores = 70_000;
  const count = 1000;
  const [, , , again] = rig.load([
    set('rdi', BigInt(DATA + PAGE - 4000)),
    set('rcx', BigInt(count)),
    store(DATA + PAGE - 4, 8),
    fill(1),
    jump(CODE),
  ]);
  const perRound = count + 4;
  const rounds = stores / count;
  expect(rig.cpu.run(perRound * rounds)).toEqual({ kind: 'budget' });
  expect(rig.timesFull).toBeGreaterThan(0);
  const logged = rig.takeLog();
  expect(logged).toHaveLength(rounds * (count + 2));
  const filled = logged.filter(({ instruction }) => instruction === again?.address);
  filled.forEach(({ address }, i) => {
    if (address !== DATA + PAGE - 4000 + (i % count)) expect.fail(`record ${i} is out of order`);
  });
}

function boundariesInOrder(subject: Subject): void {
  const rig = new Rig(subject);
  const [first, marked, second, last, back] = rig.load([
    nop,
    store(DATA),
    nop,
    store(DATA + 8),
    jump(CODE),
  ]);
  for (const one of [marked, last]) rig.cpu.markBoundary(one?.address ?? 0);
  expect(rig.cpu.run(7)).toEqual({ kind: 'budget' });
  const boundary = (at = 0, previous = 0) => ({
    kind: 'boundary',
    address: at,
    sizeBytes: 0,
    value: BigInt(previous),
    instruction: at,
  });
  expect(rig.takeLog()).toMatchObject([
    boundary(marked?.address, first?.address),
    { kind: 'store', address: DATA },
    boundary(last?.address, second?.address),
    { kind: 'store', address: DATA + 8 },
    boundary(marked?.address, first?.address),
    { kind: 'store', address: DATA },
  ]);
  rig.cpu.instructionPointer = marked?.address ?? 0;
  rig.cpu.run(1);
  expect(rig.takeLog()).toMatchObject([boundary(marked?.address, marked?.address), {}]);
  expect(back?.address).toBeGreaterThan(0);
}

function boundariesOnAllCpus(subject: Subject): void {
  const rig = new Rig(subject);
  const other = rig.newCpu();
  const [, marked] = rig.load([nop, nop, nop]);
  other.instructionPointer = CODE;
  other.run(2);
  rig.cpu.markBoundary(marked?.address ?? 0);
  const late = rig.newCpu();
  for (const cpu of [rig.cpu, other, late]) {
    cpu.instructionPointer = CODE;
    cpu.run(3);
    expect(rig.takeLog()).toMatchObject([{ kind: 'boundary', address: marked?.address }]);
  }
  rig.load([nop, nop, nop]);
  rig.cpu.run(3);
  expect(rig.takeLog()).toEqual([]);
}

function boundariesOnlyWhenExecuted(subject: Subject): void {
  const neverExecuted = [
    store(NOWHERE),
    ending('invalid'),
    ending('privileged'),
    ending('breakpoint'),
    ending('divide-by-zero'),
    ending('unsupported'),
  ];
  for (const instruction of neverExecuted) {
    const rig = new Rig(subject);
    const [, marked] = rig.load([nop, instruction]);
    rig.cpu.markBoundary(marked?.address ?? 0);
    expect(rig.cpu.run(3)).not.toEqual({ kind: 'budget' });
    expect(rig.takeLog(), instruction.kind).toEqual([]);
  }
  for (const kind of ['syscall', 'cpuid'] as const) {
    const rig = new Rig(subject);
    const [, marked] = rig.load([nop, ending(kind)]);
    rig.cpu.markBoundary(marked?.address ?? 0);
    rig.cpu.run(3);
    expect(rig.takeLog(), kind).toMatchObject([{ kind: 'boundary', address: marked?.address }]);
  }
}

function boundaryOfRepetition(subject: Subject): void {
  const rig = new Rig(subject);
  const [marked] = rig.load([fill(8), nop]);
  rig.cpu.markBoundary(marked?.address ?? 0);
  rig.cpu.write('rdi', BigInt(NOWHERE));
  rig.cpu.write('rcx', 2n);
  expect(rig.cpu.run(3)).toMatchObject({ kind: 'fault' });
  expect(rig.takeLog()).toEqual([]);
  rig.cpu.write('rdi', BigInt(DATA));
  expect(rig.cpu.run(1)).toEqual({ kind: 'budget' });
  expect(rig.takeLog()).toMatchObject([{ kind: 'boundary' }, { kind: 'store' }]);
}

function boundariesToStopAt(subject: Subject): void {
  const rig = new Rig(subject);
  const [first, marked, , last] = rig.load([nop, store(DATA), nop, nop, jump(CODE)]);
  for (const one of [marked, last]) rig.cpu.markBoundary(one?.address ?? 0);
  rig.cpu.stops = AT_BOUNDARIES;
  const stops: [number, string, number][] = [];
  for (let i = 0; i < 4; i++) {
    const exit = rig.cpu.run(100);
    stops.push([rig.cpu.instructionPointer, exit.kind, rig.cpu.retired]);
  }
  const [atMarked, atLast] = [marked?.address ?? 0, last?.address ?? 0];
  expect(stops).toEqual([
    [atMarked, 'boundary', 1],
    [atLast, 'boundary', 2],
    [atMarked, 'boundary', 3],
    [atLast, 'boundary', 2],
  ]);
  const logged = rig.takeLog().filter(({ kind }) => kind === 'boundary');
  expect(logged.map(({ address }) => address)).toEqual([atMarked, atLast, atMarked]);
  // A budget that ends there comes first, and a loop back to the start of a run is a stop.
  rig.cpu.instructionPointer = first?.address ?? 0;
  expect(rig.cpu.run(1)).toEqual({ kind: 'budget' });
  rig.cpu.stops = NO_STOPS;
  expect(rig.cpu.run(10)).toEqual({ kind: 'budget' });
  rig.load([nop, jump(CODE)]);
  rig.cpu.markBoundary(CODE);
  rig.cpu.stops = AT_BOUNDARIES;
  expect(rig.cpu.run(10)).toEqual({ kind: 'boundary' });
  expect(rig.cpu.retired).toBe(2);
}

function repetitionToStopAt(subject: Subject): void {
  const rig = new Rig(subject);
  const [, marked] = rig.load([nop, fill(8), nop]);
  rig.cpu.markBoundary(marked?.address ?? 0);
  rig.cpu.stops = AT_BOUNDARIES;
  rig.cpu.write('rdi', BigInt(DATA));
  rig.cpu.write('rcx', 3n);
  expect(rig.cpu.run(5)).toEqual({ kind: 'boundary' });
  expect(rig.cpu.run(4)).toEqual({ kind: 'budget' });
  expect(rig.cpu.retired).toBe(4);
}

function instructionsToStopAt(subject: Subject): void {
  const rig = new Rig(subject);
  const [first, second, third, last] = rig.load([nop, store(DATA), nop, jump(CODE)]);
  const at = (one: typeof first): number => one?.address ?? 0;
  // The place in the page of what does not stop, but for the stop of another page.
  const instructions = new Set([at(second), at(last), at(third) + PAGE]);
  rig.cpu.stops = { boundaries: false, instructions };
  const stops: [number, string, number][] = [];
  for (let i = 0; i < 4; i++) {
    const exit = rig.cpu.run(100);
    stops.push([rig.cpu.instructionPointer, exit.kind, rig.cpu.retired]);
  }
  expect(stops).toEqual([
    [at(second), 'boundary', 1],
    [at(last), 'boundary', 2],
    [at(second), 'boundary', 2],
    [at(last), 'boundary', 2],
  ]);
  // Stops are no boundaries, but one may be both.
  expect(rig.takeLog().map(({ kind }) => kind)).toEqual(['store', 'store']);
  rig.cpu.markBoundary(at(second));
  rig.cpu.markBoundary(at(third));
  expect(rig.cpu.run(100)).toEqual({ kind: 'boundary' });
  expect(rig.cpu.run(100)).toEqual({ kind: 'boundary' });
  expect(rig.takeLog().map(({ kind }) => kind)).toEqual(['boundary', 'store', 'boundary']);
  rig.cpu.stops = { boundaries: true, instructions };
  for (const one of [second, third, last]) {
    expect(rig.cpu.run(100)).toEqual({ kind: 'boundary' });
    expect(rig.cpu.instructionPointer).toBe(at(one));
  }
  // Other stops take the place of the first ones, and none of all.
  rig.cpu.stops = stopsAt(at(first));
  expect(rig.cpu.run(100)).toEqual({ kind: 'boundary' });
  expect(rig.cpu.instructionPointer).toBe(at(first));
  rig.cpu.stops = NO_STOPS;
  expect(rig.cpu.run(100)).toEqual({ kind: 'budget' });
}

function repetitionToStopBefore(subject: Subject): void {
  const rig = new Rig(subject);
  const [, repeated] = rig.load([nop, fill(8), nop]);
  rig.cpu.stops = stopsAt(repeated?.address ?? 0);
  rig.cpu.write('rdi', BigInt(DATA));
  rig.cpu.write('rcx', 3n);
  expect(rig.cpu.run(5)).toEqual({ kind: 'boundary' });
  expect(rig.cpu.retired).toBe(1);
  expect(rig.cpu.run(4)).toEqual({ kind: 'budget' });
}

function stopsInChangedCode(subject: Subject): void {
  const rig = new Rig(subject);
  const stop = rig.load([nop, nop, jump(CODE)])[1]?.address ?? 0;
  rig.cpu.stops = stopsAt(stop);
  expect(rig.cpu.run(100)).toEqual({ kind: 'boundary' });
  rig.load([nop, nop, jump(CODE)]);
  expect(rig.cpu.run(100)).toEqual({ kind: 'boundary' });
  expect(rig.cpu.instructionPointer).toBe(stop);
}

/** The access log. */
export const logChecks: readonly ContractCheck[] = [
  { name: 'stores are logged in order, with what they stored', check: storesInOrder },
  { name: 'a value reads as a number too', check: wideValues },
  { name: 'loads are logged where asked for, and once', check: loadsOnDemand },
  { name: 'a record lies in one page', check: splitsAtPages },
  { name: 'a full log is emptied on the way', check: fullLog },
  { name: 'marked instructions are logged among the stores', check: boundariesInOrder },
  { name: 'a mark holds on all CPUs until the code changes', check: boundariesOnAllCpus },
  { name: 'a mark logs what executes only', check: boundariesOnlyWhenExecuted },
  { name: 'a marked repetition is logged before its stores', check: boundaryOfRepetition },
  { name: 'a run ends before a mark where asked to', check: boundariesToStopAt },
  { name: 'a repetition is one mark to stop at', check: repetitionToStopAt },
  { name: 'a run ends before instructions that it stops at', check: instructionsToStopAt },
  { name: 'a repetition is one instruction to stop at', check: repetitionToStopBefore },
  { name: 'stops hold when the code changes', check: stopsInChangedCode },
];
