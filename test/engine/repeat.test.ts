import { describe, expect, test } from 'vitest';
import { unicornLibraries } from '../support/unicorn.ts';
import { type CodeLine, CodeRig } from './code-rig.ts';
import { CODE, DATA, DATA_RAM, PAGE, registersOf, stateOf } from './rig.ts';

const nop: CodeLine = ['90', 'nop'];
const SOURCE = DATA + 0x100;
const TARGET = DATA + 0x800;

interface Repetition {
  readonly line: CodeLine;
  readonly bytes: number;
  readonly moves: readonly ('rsi' | 'rdi')[];
}

const unconditional: readonly Repetition[] = [
  { line: ['f3 a4', 'rep movsb'], bytes: 1, moves: ['rsi', 'rdi'] },
  { line: ['f3 66 a5', 'rep movsw'], bytes: 2, moves: ['rsi', 'rdi'] },
  { line: ['f3 a5', 'rep movsd'], bytes: 4, moves: ['rsi', 'rdi'] },
  { line: ['f3 48 a5', 'rep movsq'], bytes: 8, moves: ['rsi', 'rdi'] },
  { line: ['f3 aa', 'rep stosb'], bytes: 1, moves: ['rdi'] },
  { line: ['f3 48 ab', 'rep stosq'], bytes: 8, moves: ['rdi'] },
  { line: ['f3 ac', 'rep lodsb'], bytes: 1, moves: ['rsi'] },
  { line: ['f3 48 ad', 'rep lodsq'], bytes: 8, moves: ['rsi'] },
];
/** The memory compared is all zeros, and rax is too, so that these run to the end. */
const conditional: readonly Repetition[] = [
  { line: ['f3 ae', 'repe scasb'], bytes: 1, moves: ['rdi'] },
  { line: ['f3 48 af', 'repe scasq'], bytes: 8, moves: ['rdi'] },
  { line: ['f3 a6', 'repe cmpsb'], bytes: 1, moves: ['rsi', 'rdi'] },
  { line: ['f3 48 a7', 'repe cmpsq'], bytes: 8, moves: ['rsi', 'rdi'] },
];
const DIRECTION = 0x400n;

function start(rig: CodeRig, { line }: Repetition, count: number, backwards = false): void {
  rig.code([line, nop, nop, nop]);
  rig.ram.fill(0, DATA_RAM, DATA_RAM + PAGE);
  rig.set({ rsi: SOURCE, rdi: TARGET, rcx: count, rax: 0 });
  rig.cpu.write('rflags', 0x202n | (backwards ? DIRECTION : 0n));
}

describe.each(await unicornLibraries())('%s', (library) => {
  describe.each([...unconditional, ...conditional])('$line', (repetition) => {
    test.each([0, 1, 3, 150])('%i iterations count as hardware counts', (count) => {
      const rig = new CodeRig(library);
      const units = Math.max(1, count);
      start(rig, repetition, count);
      expect(rig.cpu.run(units + 2)).toEqual({ kind: 'budget' });
      expect(rig.cpu.retired).toBe(units + 2);
      const registers = registersOf(rig.cpu);
      expect(registers).toMatchObject({ rip: BigInt(CODE + length(repetition) + 2), rcx: 0n });
      for (const name of repetition.moves) {
        const from = name === 'rsi' ? SOURCE : TARGET;
        expect(registers[name], name).toBe(BigInt(from + count * repetition.bytes));
      }
    });

    test('slices end between any two iterations, in both directions', () => {
      const rig = new CodeRig(library);
      for (const backwards of [false, true]) {
        for (const slice of [1, 2, 5]) {
          start(rig, repetition, 12, backwards);
          for (let done = 0; done < 12; done += slice) {
            const step = Math.min(slice, 12 - done);
            const { rcx } = registersOf(rig.cpu);
            expect(rcx).toBe(BigInt(12 - done));
            expect(rig.cpu.instructionPointer).toBe(CODE);
            expect(rig.cpu.run(step)).toEqual({ kind: 'budget' });
            expect(rig.cpu.retired).toBe(step);
          }
          expect(rig.cpu.instructionPointer).toBe(CODE + length(repetition));
          const moved = BigInt((backwards ? -12 : 12) * repetition.bytes);
          const [register] = repetition.moves;
          const from = BigInt(register === 'rsi' ? SOURCE : TARGET);
          expect(rig.cpu.read(register ?? 'rdi')).toBe(from + moved);
        }
      }
    });
  });

  test('comparisons end where they find, with the flags of the last', () => {
    const rig = new CodeRig(library);
    for (const [line, found] of [
      [['f2 ae', 'repne scasb'], 5],
      [['f3 a6', 'repe cmpsb'], 5],
      [['f3 ae', 'repe scasb'], 5],
      [['f2 a6', 'repne cmpsb'], 1],
    ] as const) {
      for (const slice of [1, 2, 100]) {
        start(rig, { line, bytes: 1, moves: [] }, 10);
        const isSearch = line[1] === 'repne scasb';
        rig.ram[DATA_RAM + 0x804] = 7;
        rig.set({ rax: isSearch ? 7 : 0 });
        let units = 0;
        while (rig.cpu.instructionPointer === CODE) {
          const budget = Math.min(slice, found - units);
          expect(rig.cpu.run(budget)).toEqual({ kind: 'budget' });
          units += rig.cpu.retired;
        }
        expect(units, line[1]).toBe(found);
        expect(rig.cpu.read('rcx')).toBe(BigInt(10 - found));
        const isEqual = (rig.cpu.read('rflags') & 0x40n) !== 0n;
        expect(isEqual, line[1]).toBe(line[1].startsWith('repne'));
      }
    }
  });

  test('a comparison that ends on its last iteration counts no more', () => {
    const rig = new CodeRig(library);
    start(rig, { line: ['f2 ae', 'repne scasb'], bytes: 1, moves: [] }, 3);
    rig.ram[DATA_RAM + 0x802] = 7;
    rig.set({ rax: 7 });
    expect(rig.cpu.run(4)).toEqual({ kind: 'budget' });
    expect(rig.cpu.instructionPointer).toBe(CODE + 3);
    expect(rig.cpu.read('rcx')).toBe(0n);
  });

  test('repetitions follow one another, and end before what cannot execute', () => {
    const rig = new CodeRig(library);
    rig.code([
      ['f3 aa', 'rep stosb'],
      ['f3 aa', 'rep stosb'],
      ['0f 05', 'syscall'],
    ]);
    rig.set({ rdi: TARGET, rcx: 4 });
    expect(rig.cpu.run(4)).toEqual({ kind: 'budget' });
    expect(rig.cpu.instructionPointer).toBe(CODE + 2);
    expect(rig.cpu.run(1)).toEqual({ kind: 'budget' });
    expect(rig.cpu.instructionPointer).toBe(CODE + 4);
    expect(rig.cpu.run(5)).toEqual({ kind: 'syscall' });
    expect(rig.cpu.retired).toBe(0);
    rig.set({ rdi: TARGET, rcx: 4 });
    rig.cpu.instructionPointer = CODE;
    expect(rig.cpu.run(100)).toEqual({ kind: 'syscall' });
    expect(rig.cpu.retired).toBe(5);
  });

  test('a huge count is no more than the budget', () => {
    const rig = new CodeRig(library);
    start(rig, { line: ['f3 ac', 'rep lodsb'], bytes: 1, moves: [] }, 0);
    rig.set({ rcx: 0xffff_ffff_ffff_ffffn });
    expect(rig.cpu.run(1000)).toEqual({ kind: 'budget' });
    expect(rig.cpu.retired).toBe(1000);
    expect(rig.cpu.read('rcx')).toBe(0xffff_ffff_ffff_ffffn - 1000n);
  });

  test('a copy that faults midway has done the iterations before', () => {
    const rig = new CodeRig(library, { logReads: true });
    start(rig, { line: ['f3 48 a5', 'rep movsq'], bytes: 8, moves: [] }, 20);
    rig.ram.fill(0x77, DATA_RAM + 0x100, DATA_RAM + 0x300);
    rig.set({ rdi: DATA + 2 * PAGE - 28 });
    const fault = { kind: 'fault', access: 'write', address: DATA + 2 * PAGE };
    for (const retired of [3, 0, 0]) {
      const log = retired * 2;
      expect(rig.cpu.run(100)).toEqual(fault);
      expect(rig.cpu.retired).toBe(retired);
      expect(rig.cpu.read('rcx')).toBe(17n);
      expect(rig.takeLog()).toHaveLength(log);
    }
    const written = rig.data().subarray(2 * PAGE - 28);
    expect([...written]).toEqual([...Array(24).fill(0x77), 0, 0, 0, 0]);
    expect(stateOf(rig).lastInstructionPointer).toBe(CODE);
  });

  test('32-bit counts are refused', () => {
    const rig = new CodeRig(library);
    rig.code([['67 f3 aa', 'rep stos byte ptr [edi]']]);
    rig.set({ rdi: TARGET, rcx: 0x1_0000_0002n });
    expect(rig.cpu.run(5)).toMatchObject({ kind: 'unsupported' });
  });
});

function length({ line: [hex] }: Repetition): number {
  return hex.split(' ').length;
}
