import { describe, expect, test } from 'vitest';
import { unicornLibraries } from '../support/unicorn.ts';
import { type CodeLine, CodeRig } from './code-rig.ts';
import { DATA, DATA_RAM, PAGE } from './rig.ts';

const CARRY = 1n;
const OVERFLOW = 0x800n;

interface Shift {
  readonly line: CodeLine;
  readonly before: bigint;
  readonly rcx: bigint;
  readonly after: bigint;
  readonly carry: bigint;
}

const VALUE = 0x8000_0001_4000_0002n;
const nop: CodeLine = ['90', 'nop'];

/** By the manual, and as hardware was seen to do. `cl` counts modulo 32, or 64 for quadwords. */
const shifts: readonly Omit<Shift, 'before'>[] = [
  { line: ['48 d3 27', 'shl qword ptr [rdi],cl'], rcx: 1n, after: 0x2_8000_0004n, carry: 1n },
  { line: ['48 d3 27', 'shl qword ptr [rdi],cl'], rcx: 2n, after: 0x5_0000_0008n, carry: 0n },
  { line: ['48 d3 2f', 'shr qword ptr [rdi],cl'], rcx: 2n, after: VALUE >> 2n, carry: 1n },
  { line: ['48 d3 3f', 'sar qword ptr [rdi],cl'], rcx: 63n, after: 2n ** 64n - 1n, carry: 0n },
  { line: ['d3 2f', 'shr dword ptr [rdi],cl'], rcx: 34n, after: 0x8000_0001_1000_0000n, carry: 1n },
  { line: ['d2 3f', 'sar byte ptr [rdi],cl'], rcx: 2n, after: VALUE - 2n, carry: 1n },
  {
    line: ['48 0f ac 07 02', 'shrd [rdi],rax,2'],
    rcx: 0n,
    after: (VALUE >> 2n) | (3n << 62n),
    carry: 1n,
  },
  { line: ['0f a5 07', 'shld [rdi],eax,cl'], rcx: 2n, after: 0x8000_0001_0000_000bn, carry: 1n },
];

function start(library: string, shift: Shift, flags: bigint, address = DATA): CodeRig {
  const rig = new CodeRig(library);
  rig.code([shift.line, nop]);
  const at = DATA_RAM + address - DATA;
  new DataView(rig.engine.ram).setBigUint64(at, shift.before, true);
  rig.set({ rdi: address, rax: 2n ** 64n - 1n, rcx: shift.rcx });
  rig.cpu.write('rflags', 0x202n | flags);
  return rig;
}

describe.each(await unicornLibraries())('%s', (library) => {
  describe.each(shifts)('$line by $rcx', (shift) => {
    test.each([0n, CARRY])('carries what it moved out last, from a carry of %d', (flags) => {
      for (const address of [DATA, DATA + PAGE - 3]) {
        const rig = start(library, { before: VALUE, ...shift }, flags, address);
        expect(rig.cpu.run(2)).toEqual({ kind: 'budget' });
        expect(rig.word(address).toString(16)).toBe(shift.after.toString(16));
        expect(rig.cpu.read('rflags') & CARRY).toBe(shift.carry);
        expect(rig.cpu.retired).toBe(2);
      }
    });
  });

  test.each([0n, CARRY, OVERFLOW])('a count of zero leaves flags of %d alone', (flags) => {
    for (const rcx of [0n, 64n, 256n]) {
      const line: CodeLine = ['48 d3 27', 'shl qword ptr [rdi],cl'];
      const rig = start(library, { line, before: VALUE, rcx, after: VALUE, carry: 0n }, flags);
      expect(rig.cpu.run(2)).toEqual({ kind: 'budget' });
      expect(rig.word(DATA)).toBe(VALUE);
      expect(rig.cpu.read('rflags')).toBe(0x202n | flags);
    }
  });

  test('one that faults changes nothing', () => {
    const line: CodeLine = ['48 d3 27', 'shl qword ptr [rdi],cl'];
    const rig = start(library, { line, before: VALUE, rcx: 1n, after: 0n, carry: 0n }, CARRY);
    rig.set({ rdi: DATA + 2 * PAGE - 4 });
    const fault = { kind: 'fault', access: 'write', address: DATA + 2 * PAGE };
    expect(rig.cpu.run(2)).toEqual(fault);
    expect(rig.cpu.retired).toBe(0);
    expect(rig.cpu.read('rflags')).toBe(0x203n);
  });
});
