import { describe, expect, test } from 'vitest';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../kernel-model/mm/mapping.ts';
import { unicornLibraries } from '../support/unicorn.ts';
import { type CodeLine, CodeRig } from './code-rig.ts';
import {
  CODE,
  codeMapping,
  DATA,
  DATA_RAM,
  dataMapping,
  mapping,
  PAGE,
  READ_EXEC,
  READ_WRITE,
  SPARE_RAM,
} from './rig.ts';

const READ_WRITE_EXEC = PROT_READ | PROT_WRITE | PROT_EXEC;
/** Two pages of code that may be written, as those of a flat image are. */
const writableCode = mapping(CODE, 2, 0, READ_WRITE_EXEC);
const OTHER = CODE + PAGE;

const nop: CodeLine = ['90', 'nop'];
const syscall: CodeLine = ['0f 05', 'syscall'];
const one: CodeLine = ['b8 01 00 00 00', 'mov eax,1'];
const vector: CodeLine = ['c5 e9 fe c6', 'vpaddd xmm0,xmm2,xmm6'];

/** A jump to the second page of code, from an offset in the first. */
function jumpToOther(offset: number): CodeLine {
  const distance = Buffer.alloc(4);
  distance.writeInt32LE(OTHER - (CODE + offset + 5));
  return [`e9 ${distance.toString('hex')}`, 'jmp near ptr 0000000000401000h'];
}

describe.each(await unicornLibraries())('%s', (library) => {
  test('a page of code written from outside runs as written, class and all', () => {
    const rig = new CodeRig(library);
    const expected = [
      [[one, syscall], 'syscall', 1n],
      [[vector, syscall], 'unsupported', 0n],
      [[nop, one, syscall], 'syscall', 1n],
      [[['f4', 'hlt'], one], 'exception', 0n],
      [[one, one, syscall], 'syscall', 1n],
    ] as const;
    for (const [lines, kind, rax] of expected) {
      rig.code(lines);
      rig.set({ rax: 0 });
      expect(rig.cpu.run(10).kind).toBe(kind);
      expect(rig.cpu.read('rax')).toBe(rax);
    }
  });

  test('a hot loop changes between two runs', () => {
    const rig = new CodeRig(library);
    rig.code([
      ['48 83 c0 01', 'add rax,1'],
      ['eb fa', 'jmp short 0000000000400000h'],
    ]);
    rig.cpu.run(10_000);
    expect(rig.cpu.read('rax')).toBe(5000n);
    const position = rig.cpu.instructionPointer;
    rig.code([
      ['48 83 c0 03', 'add rax,3'],
      ['eb fa', 'jmp short 0000000000400000h'],
    ]);
    rig.cpu.instructionPointer = position;
    rig.cpu.run(10);
    expect(rig.cpu.read('rax')).toBe(5015n);
  });

  test('a store to another page of code is seen at once, on every CPU', () => {
    const rig = new CodeRig(library);
    const other = rig.newCpu();
    for (const cpu of [rig.cpu, other]) cpu.setMappings([writableCode, dataMapping]);
    rig.code([one, syscall], PAGE);
    // Runs the other page, patches it, and runs it again.
    rig.code([jumpToOther(0), ['c6 47 01 07', 'mov byte ptr [rdi+1],7'], jumpToOther(9)]);
    rig.set({ rdi: OTHER });
    other.instructionPointer = OTHER;
    expect(other.run(10)).toEqual({ kind: 'syscall' });
    expect(rig.cpu.run(10)).toEqual({ kind: 'syscall' });
    expect(rig.cpu.read('rax')).toBe(1n);
    rig.cpu.instructionPointer = CODE + 5;
    expect(rig.cpu.run(10)).toEqual({ kind: 'syscall' });
    expect(rig.cpu.retired).toBe(3);
    expect(rig.cpu.read('rax')).toBe(7n);
    expect(rig.takeLog()).toMatchObject([{ kind: 'store', address: OTHER + 1, value: 7n }]);
    other.instructionPointer = OTHER;
    expect(other.run(10)).toEqual({ kind: 'syscall' });
    expect(other.read('rax')).toBe(7n);
  });

  test('stores of every make to another page of code', () => {
    const patches: readonly (readonly [CodeLine, units: number])[] = [
      [['89 07', 'mov [rdi],eax'], 1],
      [['f3 aa', 'rep stosb'], 8],
      [['f0 0f c1 07', 'lock xadd [rdi],eax'], 1],
      [['0f c7 0f', 'cmpxchg8b qword ptr [rdi]'], 1],
      [['dd 37', 'fnsave [rdi]'], 1],
      [['0f 11 07', 'movups [rdi],xmm0'], 1],
    ];
    for (const [patch, units] of patches) {
      const rig = new CodeRig(library);
      rig.cpu.setMappings([writableCode, dataMapping]);
      rig.code([nop, nop, syscall], PAGE);
      rig.cpu.instructionPointer = OTHER;
      expect(rig.cpu.run(5)).toEqual({ kind: 'syscall' });
      rig.code([patch, ['eb fe', `jmp short ${hex(CODE + patch[0].split(' ').length)}`]]);
      rig.set({ rdi: OTHER, rcx: 8, rax: 0x9090_0b0f });
      const before = rig.ram.slice(PAGE, PAGE + 32);
      expect(rig.cpu.run(units + 1), patch[1]).toEqual({ kind: 'budget' });
      expect(rig.cpu.retired).toBe(units + 1);
      const after = rig.ram.slice(PAGE, PAGE + 32);
      if (patch[1].startsWith('cmpxchg8b')) expect(after).toEqual(before);
      else expect(after).not.toEqual(before);
      if (!patch[1].startsWith('mov [')) continue;
      rig.cpu.instructionPointer = OTHER;
      expect(rig.cpu.run(5)).toEqual({ kind: 'exception', exception: 'invalid-opcode' });
    }
  });

  test('a store over the border of a page of code', () => {
    const rig = new CodeRig(library);
    const data = CODE + 2 * PAGE;
    rig.cpu.setMappings([writableCode, mapping(data, 1, DATA_RAM, READ_WRITE_EXEC)]);
    const end = 2 * PAGE - 8;
    rig.code([nop, one, syscall], end);
    expect(rig.cpu.run(5)).toEqual({ kind: 'syscall' });
    rig.code([['48 89 07', 'mov [rdi],rax'], nop]);
    rig.set({ rdi: data - 4, rax: 0xffff_ffff_0b0f_9090n });
    expect(rig.cpu.run(2)).toEqual({ kind: 'budget' });
    rig.cpu.instructionPointer = CODE + end;
    expect(rig.cpu.run(5)).toMatchObject({ kind: 'exception', exception: 'invalid-opcode' });
    expect(rig.ram[DATA_RAM]).toBe(0xff);
  });

  test('a store into the page that executes it is refused, undone', () => {
    const rig = new CodeRig(library);
    rig.cpu.setMappings([writableCode, dataMapping]);
    rig.code([nop, ['c6 47 40 07', 'mov byte ptr [rdi+40h],7'], nop]);
    rig.set({ rdi: CODE });
    expect(rig.cpu.run(5)).toMatchObject({ kind: 'unsupported', detail: /page of code/ });
    expect(rig.cpu.retired).toBe(1);
    expect(rig.cpu.instructionPointer).toBe(CODE + 1);
    expect(rig.ram[0x40]).toBe(0);
    expect(rig.takeLog()).toEqual([]);
  });

  test('data in pages that might hold code is plain data', () => {
    const rig = new CodeRig(library);
    rig.cpu.setMappings([writableCode]);
    rig.code([
      ['48 83 07 01', 'add qword ptr [rdi],1'],
      ['eb fa', 'jmp short 0000000000400000h'],
    ]);
    rig.set({ rdi: OTHER + 8 });
    expect(rig.cpu.run(2000)).toEqual({ kind: 'budget' });
    expect(new DataView(rig.engine.ram).getUint32(PAGE + 8, true)).toBe(1000);
    expect(rig.codePages).toEqual([0]);
  });

  test('protection goes from execute to write and back, the code changed in between', () => {
    const rig = new CodeRig(library);
    const target = 0x50_0000;
    const withTarget = (protection: number) =>
      rig.cpu.setMappings([codeMapping, mapping(target, 1, SPARE_RAM, protection)]);
    rig.ram.set([0xb8, 1, 0, 0, 0, 0x0f, 0x05], SPARE_RAM);
    for (let round = 1; round <= 4; round++) {
      withTarget(READ_EXEC);
      rig.cpu.instructionPointer = target;
      expect(rig.cpu.run(5)).toEqual({ kind: 'syscall' });
      expect(rig.cpu.read('rax')).toBe(BigInt(round));
      withTarget(READ_WRITE);
      rig.cpu.instructionPointer = target;
      expect(rig.cpu.run(5)).toEqual({ kind: 'fault', access: 'fetch', address: target });
      rig.code([['fe 47 01', 'inc byte ptr [rdi+1]'], nop]);
      rig.set({ rdi: target });
      expect(rig.cpu.run(2)).toEqual({ kind: 'budget' });
      // What follows the write log does.
      rig.engine.codeChanged(SPARE_RAM);
    }
  });

  test('unmapped and mapped again, other code is there', () => {
    const rig = new CodeRig(library);
    rig.code([one, syscall]);
    rig.ram.set([0xb8, 2, 0, 0, 0, 0xf4], SPARE_RAM);
    for (let round = 0; round < 3; round++) {
      rig.cpu.setMappings([codeMapping]);
      rig.cpu.instructionPointer = CODE;
      expect(rig.cpu.run(5)).toEqual({ kind: 'syscall' });
      rig.cpu.setMappings([]);
      rig.cpu.instructionPointer = CODE;
      expect(rig.cpu.run(5)).toEqual({ kind: 'fault', access: 'fetch', address: CODE });
      rig.cpu.setMappings([mapping(CODE, 1, SPARE_RAM, READ_EXEC)]);
      rig.cpu.instructionPointer = CODE;
      expect(rig.cpu.run(5)).toMatchObject({ exception: 'general-protection' });
      expect(rig.cpu.read('rax')).toBe(2n);
    }
  });

  test('the end of an instruction changes in the next page', () => {
    const rig = new CodeRig(library);
    const offset = PAGE - 3;
    rig.code([['b8 01 00 00 00', 'mov eax,1'], syscall], offset);
    expect(rig.cpu.run(5)).toEqual({ kind: 'syscall' });
    rig.ram[PAGE + 1] = 1;
    rig.engine.codeChanged(PAGE);
    rig.cpu.instructionPointer = CODE + offset;
    expect(rig.cpu.run(5)).toEqual({ kind: 'syscall' });
    expect(rig.cpu.read('rax')).toBe(0x0100_0001n);
  });

  test('the opcode of an instruction changes in the next page, of which nothing else ran', () => {
    const rig = new CodeRig(library);
    const offset = PAGE - 1;
    rig.code([['f3 90', 'pause'], syscall], offset);
    expect(rig.cpu.run(1)).toEqual({ kind: 'budget' });
    expect(rig.codePages).toEqual([0, PAGE]);
    rig.ram[PAGE] = 0xa4;
    rig.engine.codeChanged(PAGE);
    rig.cpu.instructionPointer = CODE + offset;
    rig.set({ rcx: 3, rsi: DATA, rdi: DATA + 64 });
    expect(rig.cpu.run(3)).toEqual({ kind: 'budget' });
    expect(rig.cpu.retired).toBe(3);
    expect(rig.cpu.read('rcx')).toBe(0n);
  });

  test('an instruction over the end of code is decoded once the next page is there', () => {
    const rig = new CodeRig(library);
    const offset = PAGE - 2;
    rig.code([vector, syscall], offset);
    rig.cpu.setMappings([mapping(CODE, 1, 0, READ_EXEC)]);
    expect(rig.cpu.run(5)).toEqual({ kind: 'fault', access: 'fetch', address: OTHER });
    rig.cpu.setMappings([codeMapping]);
    expect(rig.cpu.run(5)).toMatchObject({ kind: 'unsupported', detail: vector[1] });
  });
});

function hex(address: number): string {
  return `${address.toString(16).toUpperCase().padStart(16, '0')}h`;
}
