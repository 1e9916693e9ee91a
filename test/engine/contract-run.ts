import { expect } from 'vitest';
import { BUDGET_INSTRUCTIONS_MAX, type Exit } from '../../emulator/engine/engine.ts';
import {
  type AbstractInstruction,
  ending,
  fill,
  jump,
  load,
  nop,
  set,
  store,
} from './abstract-program.ts';
import type { ContractCheck } from './contract.ts';
import {
  CODE,
  CODE_PAGES,
  DATA,
  DATA_PAGES,
  DATA_RAM,
  NOWHERE,
  PAGE,
  Rig,
  runInSlices,
  type Subject,
  stateOf,
} from './rig.ts';

/** A bit of everything that retires, with stores and loads across pages. */
const mixedProgram: readonly AbstractInstruction[] = [
  set('rax', 0x1122_3344_5566_7788n),
  store(DATA + 8),
  nop,
  store(DATA + PAGE - 3, 4),
  set('rdi', BigInt(DATA + 100)),
  set('rcx', 17n),
  fill(1),
  load(DATA + PAGE - 3),
  store(DATA + 16, 2),
  set('rcx', 0n),
  fill(8),
  set('rcx', 3n),
  set('rdi', BigInt(DATA + PAGE - 12)),
  fill(8),
  store(DATA + 24, 1),
  set('rcx', 1n),
  fill(8),
  nop,
];
/** Three repetitions of 17, 0 (which counts once), 3 and 1 iterations. */
const mixedUnits = mixedProgram.length - 4 + 17 + 1 + 3 + 1;

function exactCount(subject: Subject): void {
  const rig = new Rig(subject);
  const placed = rig.load(Array.from({ length: 50 }, () => nop));
  let at = 0;
  for (const budget of [1, 2, 3, 7, 1, 20]) {
    expect(rig.cpu.run(budget)).toEqual({ kind: 'budget' });
    at += budget;
    expect(rig.cpu.retired).toBe(budget);
    expect(rig.cpu.instructionPointer).toBe(placed[at]?.address);
    expect(rig.cpu.lastInstructionPointer).toBe(placed[at - 1]?.address);
  }
}

function splitsAgree(subject: Subject): void {
  const slices = [1, 2, 3, 5, 16];
  const rig = new Rig(subject, { logReads: true });
  rig.load(mixedProgram);
  const start = rig.cpu.saveContext();
  const startOver = () => {
    rig.ram.fill(0, DATA_RAM, DATA_RAM + DATA_PAGES * PAGE);
    rig.cpu.restoreContext(start);
  };
  for (let units = 1; units <= mixedUnits; units++) {
    startOver();
    expect(rig.cpu.run(units)).toEqual({ kind: 'budget' });
    expect(rig.cpu.retired).toBe(units);
    const state = stateOf(rig);
    const log = rig.takeLog();
    const slice = slices[units % slices.length] ?? 1;
    startOver();
    expect(runInSlices(rig.cpu, slice, units)).toEqual({ kind: 'budget' });
    expect(stateOf(rig), `${units} units in slices of ${slice}`).toEqual(state);
    expect(rig.takeLog()).toEqual(log);
  }
}

function repetitions(subject: Subject): void {
  for (const count of [0n, 1n, 3n, 200n]) {
    const rig = new Rig(subject);
    const [instruction, next] = rig.load([fill(8), nop, nop]);
    rig.cpu.write('rcx', count);
    rig.cpu.write('rdi', BigInt(DATA));
    rig.cpu.write('rax', 1n);
    const units = count === 0n ? 1 : Number(count);
    if (units > 1) {
      expect(rig.cpu.run(units - 1)).toEqual({ kind: 'budget' });
      expect(rig.cpu.retired).toBe(units - 1);
      expect(rig.cpu.instructionPointer).toBe(instruction?.address);
      expect(rig.cpu.read('rcx')).toBe(1n);
    }
    expect(rig.cpu.run(1)).toEqual({ kind: 'budget' });
    expect(rig.cpu.retired, `${count} iterations`).toBe(1);
    expect(rig.cpu.instructionPointer).toBe(next?.address);
    expect(rig.cpu.lastInstructionPointer).toBe(instruction?.address);
    expect(rig.cpu.read('rcx')).toBe(0n);
    expect(rig.cpu.read('rdi')).toBe(BigInt(DATA) + count * 8n);
    expect(rig.takeLog()).toHaveLength(Number(count));
    rig.cpu.instructionPointer = CODE;
    rig.cpu.write('rcx', count);
    rig.cpu.write('rdi', BigInt(DATA));
    expect(rig.cpu.run(units + 1)).toEqual({ kind: 'budget' });
    expect(rig.cpu.retired).toBe(units + 1);
    expect(rig.cpu.lastInstructionPointer).toBe(next?.address);
  }
}

function loops(subject: Subject): void {
  const rig = new Rig(subject);
  rig.load([jump(CODE)]);
  for (const budget of [1, 2, 1000]) {
    expect(rig.cpu.run(budget)).toEqual({ kind: 'budget' });
    expect(rig.cpu.retired).toBe(budget);
    expect(rig.cpu.instructionPointer).toBe(CODE);
  }
  rig.load([nop, nop, jump(CODE)]);
  expect(rig.cpu.run(1000)).toEqual({ kind: 'budget' });
  expect(rig.cpu.instructionPointer).toBe(CODE + 1);
}

const endings: readonly (readonly [Parameters<typeof ending>[0], Partial<Exit>])[] = [
  ['syscall', { kind: 'syscall' }],
  ['cpuid', { kind: 'instruction' }],
  ['divide-by-zero', { kind: 'exception', exception: 'divide-error' }],
  ['invalid', { kind: 'exception', exception: 'invalid-opcode' }],
  ['privileged', { kind: 'exception', exception: 'general-protection' }],
  ['breakpoint', { kind: 'exception', exception: 'breakpoint' }],
  ['unsupported', { kind: 'unsupported' }],
];

function endingsStopBefore(subject: Subject): void {
  for (const [kind, expected] of endings) {
    const rig = new Rig(subject);
    const [, , stop, next] = rig.load([set('rax', 5n), store(DATA), ending(kind), store(DATA + 8)]);
    expect(rig.cpu.run(2), `up to ${kind}`).toEqual({ kind: 'budget' });
    const before = stateOf(rig);
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(rig.cpu.run(10), `${kind}, attempt ${attempt}`).toMatchObject(expected);
      expect(rig.cpu.retired).toBe(0);
      expect(rig.cpu.instructionPointer).toBe(stop?.address);
      expect(stateOf(rig), kind).toEqual(before);
    }
    rig.cpu.instructionPointer = next?.address ?? 0;
    expect(rig.cpu.run(1), `after ${kind}`).toEqual({ kind: 'budget' });
    expect(rig.word(DATA + 8)).toBe(5n);
  }
}

function endingsCount(subject: Subject): void {
  for (const [kind, expected] of endings) {
    const rig = new Rig(subject);
    rig.load([nop, nop, nop, ending(kind)]);
    expect(rig.cpu.run(10), kind).toMatchObject(expected);
    expect(rig.cpu.retired, kind).toBe(3);
    expect(rig.cpu.lastInstructionPointer, kind).toBe(CODE + 2);
  }
}

function describesModelInstruction(subject: Subject): void {
  const rig = new Rig(subject);
  const [cpuid] = rig.load([ending('cpuid')]);
  const address = cpuid?.address;
  expect(rig.cpu.run(1)).toEqual({
    kind: 'instruction',
    instruction: { address, lengthBytes: 2, mnemonic: 'cpuid', operands: [], selector: 0 },
  });
}

function budgetComesFirst(subject: Subject): void {
  const end = CODE + CODE_PAGES * PAGE;
  for (const last of [nop, ...endings.map(([kind]) => ending(kind))]) {
    const rig = new Rig(subject);
    const program = last === nop ? [nop, nop] : [nop, nop, last];
    rig.load(program, last === nop ? end - 2 : CODE);
    expect(rig.cpu.run(2), `two nops, then ${last.kind}`).toEqual({ kind: 'budget' });
    expect(rig.cpu.retired).toBe(2);
  }
  const rig = new Rig(subject);
  rig.load([jump(NOWHERE)]);
  expect(rig.cpu.run(1)).toEqual({ kind: 'budget' });
  expect(rig.cpu.instructionPointer).toBe(NOWHERE);
}

function budgetsAreChecked(subject: Subject): void {
  const rig = new Rig(subject);
  rig.load([nop]);
  for (const budget of [0, -1, BUDGET_INSTRUCTIONS_MAX + 1]) {
    expect(() => rig.cpu.run(budget)).toThrow(/budget/);
  }
  rig.load([ending('syscall')]);
  expect(rig.cpu.run(BUDGET_INSTRUCTIONS_MAX)).toEqual({ kind: 'syscall' });
}

/** How runs end and what they count. */
export const runChecks: readonly ContractCheck[] = [
  { name: 'a budget is retired exactly', check: exactCount },
  { name: 'slices of any length lead to the same state and log', check: splitsAgree },
  { name: 'iterations of a repeated instruction count as hardware counts', check: repetitions },
  { name: 'loops count each round', check: loops },
  { name: 'what cannot execute ends the run before it, each time', check: endingsStopBefore },
  { name: 'what cannot execute does not count', check: endingsCount },
  { name: 'an instruction for the machine is described', check: describesModelInstruction },
  { name: 'a spent budget comes before what follows it', check: budgetComesFirst },
  { name: 'a budget out of range is our mistake', check: budgetsAreChecked },
];
