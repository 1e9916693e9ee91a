import { expect } from 'vitest';
import { ending, fill, nop, set, store } from './abstract-program.ts';
import type { ContractCheck } from './contract.ts';
import { CODE, DATA, NOWHERE, PAGE, Rig, type Subject } from './rig.ts';

const WATCH = DATA + 64;
const DESCRIPTOR = CODE + PAGE + 32;
const armed = { kind: 'armed' };
const budget = { kind: 'budget' };

function reportsStores(subject: Subject): void {
  const sizes = [1, 2, 4, 8] as const;
  const rig = new Rig(subject);
  rig.cpu.watch(WATCH);
  for (const sizeBytes of sizes) {
    for (let address = WATCH - 9; address <= WATCH + 9; address++) {
      rig.load([set('rax', 0x0101_0101_0101_0101n), nop, store(address, sizeBytes), nop, nop]);
      const overlaps = address < WATCH + 8 && address + sizeBytes > WATCH;
      const what = `${sizeBytes} bytes at the watch ${address - WATCH}`;
      expect(rig.cpu.run(5), what).toEqual(overlaps ? armed : budget);
      expect(rig.cpu.retired, what).toBe(overlaps ? 3 : 5);
      expect(rig.takeLog(), what).toHaveLength(1);
    }
  }
}

function goesOnAfterwards(subject: Subject): void {
  const rig = new Rig(subject);
  rig.cpu.watch(WATCH);
  const [, first, second, last] = rig.load([set('rax', 5n), store(WATCH), store(WATCH), nop]);
  expect(rig.cpu.run(2)).toEqual(armed);
  expect(rig.cpu.retired).toBe(2);
  expect(rig.cpu.lastInstructionPointer).toBe(first?.address);
  expect(rig.cpu.instructionPointer).toBe(second?.address);
  expect(rig.word(WATCH)).toBe(5n);
  expect(rig.cpu.run(7)).toEqual(armed);
  expect(rig.cpu.retired).toBe(1);
  expect(rig.cpu.instructionPointer).toBe(last?.address);
  expect(rig.cpu.run(1)).toEqual(budget);
}

function clearingIsSilent(subject: Subject): void {
  const rig = new Rig(subject);
  rig.cpu.watch(WATCH);
  rig.load([set('rax', 0n), store(WATCH, 8), store(WATCH, 4), nop]);
  expect(rig.cpu.run(4)).toEqual(armed);
  expect(rig.cpu.retired).toBe(3);
}

function canBeMovedAndEnded(subject: Subject): void {
  const rig = new Rig(subject);
  const run = () => {
    rig.load([set('rax', 5n), store(WATCH), store(WATCH + 8), nop]);
    rig.cpu.run(4);
    return rig.cpu.retired;
  };
  expect(run()).toBe(4);
  rig.cpu.watch(WATCH);
  expect(run()).toBe(2);
  rig.cpu.watch(WATCH + 8);
  expect(run()).toBe(3);
  rig.cpu.watch(0);
  expect(run()).toBe(4);
}

function isPerCpu(subject: Subject): void {
  const rig = new Rig(subject);
  const other = rig.newCpu();
  rig.cpu.watch(WATCH);
  rig.load([set('rax', 5n), store(WATCH), nop]);
  other.instructionPointer = CODE;
  expect(other.run(3)).toEqual(budget);
  expect(rig.cpu.run(3)).toEqual(armed);
}

function knownArmings(subject: Subject): void {
  const rig = new Rig(subject);
  rig.cpu.watch(WATCH);
  const arm = (value: number, address = WATCH, sizeBytes: 4 | 8 = 8) => {
    rig.load([set('rax', BigInt(value)), store(address, sizeBytes), nop, nop]);
    return rig.cpu.run(4);
  };
  const values = [DESCRIPTOR, DESCRIPTOR + 32, DESCRIPTOR + 320];
  for (const value of values) expect(arm(value)).toEqual(armed);
  for (const value of values) rig.cpu.addKnownArming(value);
  for (const value of values) expect(arm(value)).toEqual(budget);
  expect(arm(DESCRIPTOR + 64)).toEqual(armed);
  expect(arm(DESCRIPTOR + 1)).toEqual(armed);
  expect(arm(DESCRIPTOR, WATCH, 4)).toEqual(armed);
  expect(arm(DESCRIPTOR, WATCH + 4)).toEqual(armed);
  rig.cpu.forgetKnownArmings();
  for (const value of values) expect(arm(value)).toEqual(armed);
}

function descriptorStores(subject: Subject): void {
  const start = DATA + 512;
  const rig = new Rig(subject);
  const storeAt = (address: number, sizeBytes: 1 | 2 | 4 | 8) => {
    rig.load([set('rax', 0n), store(address, sizeBytes), nop]);
    return rig.cpu.run(3);
  };
  expect(storeAt(start, 8)).toEqual(budget);
  rig.cpu.setDescriptorRange(start, 32);
  for (const sizeBytes of [1, 2, 4, 8] as const) {
    for (let address = start - sizeBytes + 1; address < start + 32; address++) {
      expect(storeAt(address, sizeBytes), `${sizeBytes} at ${address - start}`).toEqual(armed);
      expect(rig.cpu.retired).toBe(2);
    }
    expect(storeAt(start + 32, sizeBytes)).toEqual(budget);
    expect(storeAt(start - 16, sizeBytes)).toEqual(budget);
  }
  rig.cpu.setDescriptorRange(0, 0);
  expect(storeAt(start, 8)).toEqual(budget);
}

/** A repetition that stores to the watched word counts as it does without the stop. */
function repetitionOverTheWatch(subject: Subject): void {
  const rig = new Rig(subject);
  rig.cpu.watch(WATCH);
  const [, next] = rig.load([fill(1), nop, nop, nop]);
  rig.cpu.write('rdi', BigInt(WATCH - 3));
  rig.cpu.write('rcx', 11n);
  rig.cpu.write('rax', 1n);
  const counts: number[] = [];
  for (let i = 0; i < 8; i++) {
    expect(rig.cpu.run(100), `stop ${i}`).toEqual(armed);
    counts.push(rig.cpu.retired);
  }
  expect(counts).toEqual([4, 1, 1, 1, 1, 1, 1, 1]);
  expect(rig.cpu.read('rcx')).toBe(0n);
  expect(rig.cpu.instructionPointer).toBe(next?.address);
  expect(rig.cpu.run(2)).toEqual(budget);
  expect(rig.cpu.retired).toBe(2);
}

/** A store across the watched word's page, and one that faults. */
function atPageEnds(subject: Subject): void {
  const word = DATA + PAGE;
  const rig = new Rig(subject);
  rig.cpu.watch(word);
  rig.load([set('rax', 0x0202_0202_0202_0202n), store(word - 4), nop, nop]);
  expect(rig.cpu.run(4)).toEqual(armed);
  expect(rig.cpu.retired).toBe(2);
  rig.cpu.watch(word - 8);
  rig.load([set('rax', BigInt(DESCRIPTOR)), store(word - 8), nop]);
  expect(rig.cpu.run(3)).toEqual(armed);
  rig.cpu.addKnownArming(DESCRIPTOR);
  rig.cpu.instructionPointer = CODE;
  expect(rig.cpu.run(3)).toEqual(budget);
  rig.cpu.watch(NOWHERE);
  rig.load([store(NOWHERE), nop]);
  expect(rig.cpu.run(3)).toMatchObject({ kind: 'fault' });
}

function beforeWhatEndsRuns(subject: Subject): void {
  for (const last of [ending('syscall'), ending('invalid'), ending('cpuid'), nop]) {
    const rig = new Rig(subject);
    rig.cpu.watch(WATCH);
    const program = [set('rax', 5n), store(WATCH), last];
    rig.load(
      last === nop ? program.slice(0, 2) : program,
      CODE + 2 * PAGE - (last === nop ? 20 : 30),
    );
    expect(rig.cpu.run(10), last.kind).toEqual(armed);
    expect(rig.cpu.retired).toBe(2);
    expect(rig.cpu.run(10), last.kind).not.toEqual(armed);
    expect(rig.cpu.retired).toBe(0);
  }
}

/** Stops at stores that arm a section. */
export const watchChecks: readonly ContractCheck[] = [
  { name: 'a store that touches the watched word ends the run', check: reportsStores },
  { name: 'a run goes on after the store', check: goesOnAfterwards },
  { name: 'clearing the word is no arming', check: clearingIsSilent },
  { name: 'the watch can be moved and ended', check: canBeMovedAndEnded },
  { name: 'each CPU has its watch', check: isPerCpu },
  { name: 'known armings need no report until they are forgotten', check: knownArmings },
  { name: 'stores to descriptors are reported', check: descriptorStores },
  { name: 'a repetition over the watched word counts right', check: repetitionOverTheWatch },
  { name: 'watched words at the ends of pages', check: atPageEnds },
  { name: 'the report comes before what ends runs', check: beforeWhatEndsRuns },
];
