import { describe, expect, test } from 'vitest';
import { unicornLibraries } from '../support/unicorn.ts';
import { type CodeLine, CodeRig } from './code-rig.ts';
import { CODE, DATA, NOWHERE, PAGE, registersOf, stateOf } from './rig.ts';

const nop: CodeLine = ['90', 'nop'];
const divideError = { kind: 'exception', exception: 'divide-error' };
const generalProtection = { kind: 'exception', exception: 'general-protection' };
/** Bit 47 set, the bits above it not. */
const WILD = 0x0000_8000_0000_0000n;
const KERNEL = 0xffff_8000_0000_0000n;

describe.each(await unicornLibraries())('%s', (library) => {
  test('divide errors come as often as they like, and divisions work afterwards', () => {
    const rig = new CodeRig(library);
    const [divide] = rig.code([['48 f7 f1', 'div rcx'], nop]);
    for (let round = 0; round < 5; round++) {
      rig.set({ rax: 100, rdx: 0, rcx: 0 });
      expect(rig.cpu.run(2)).toEqual(divideError);
      expect(rig.cpu.retired).toBe(0);
      expect(rig.cpu.instructionPointer).toBe(divide);
      rig.set({ rcx: 7 });
      expect(rig.cpu.run(1)).toEqual({ kind: 'budget' });
      expect([rig.cpu.read('rax'), rig.cpu.read('rdx')]).toEqual([14n, 2n]);
      rig.cpu.instructionPointer = CODE;
    }
  });

  test.each([
    ['48 f7 f9', 'idiv rcx', 0x8000_0000_0000_0000n, 0xffff_ffff_ffff_ffffn, -1n],
    ['f7 f9', 'idiv ecx', 0x8000_0000n, 0xffff_ffffn, -1n],
    ['48 f7 f1', 'div rcx', 0n, 5n, 5n],
    ['f6 f1', 'div cl', 0x100n, 0n, 1n],
    ['66 f7 f9', 'idiv cx', 0x8000n, 0xffffn, 0xffffn],
  ] as const)('a quotient too large: %s %s', (hex, text, rax, rdx, rcx) => {
    const rig = new CodeRig(library);
    rig.code([nop, [hex, text], nop]);
    rig.set({ rax, rdx, rcx: BigInt.asUintN(64, rcx) });
    rig.cpu.run(1);
    const before = stateOf(rig);
    expect(rig.cpu.run(2)).toEqual(divideError);
    expect(rig.cpu.run(2)).toEqual(divideError);
    expect(stateOf(rig)).toEqual(before);
  });

  test('an exception leaves every register as it was', () => {
    const rig = new CodeRig(library);
    rig.code([
      ['d9 eb', 'fldpi'],
      ['d9 e8', 'fld1'],
      ['0f ae 17', 'ldmxcsr [rdi]'],
      ['d9 6f 08', 'fldcw [rdi+8]'],
      ['66 0f 6f 07', 'movdqa xmm0,[rdi]'],
      ['fd', 'std'],
      ['f9', 'stc'],
      ['48 f7 f1', 'div rcx'],
    ]);
    rig.set({ rdi: DATA, rsp: DATA + 256, r15: 15 });
    rig.cpu.write('fs_base', 0x1234n);
    rig.cpu.write('gs_base', 0x5678n);
    const data = new DataView(rig.engine.ram, 16 * PAGE);
    data.setUint32(0, 0x7f80, true);
    data.setUint32(8, 0x0f7f, true);
    expect(rig.cpu.run(7)).toEqual({ kind: 'budget' });
    const before = registersOf(rig.cpu);
    expect(before).toMatchObject({ mxcsr: 0x7f80n, fpcw: 0xf7fn, fs_base: 0x1234n });
    for (let round = 0; round < 3; round++) {
      expect(rig.cpu.run(1)).toEqual(divideError);
      expect(registersOf(rig.cpu)).toEqual(before);
    }
    const context = rig.cpu.saveContext();
    const other = rig.newCpu();
    other.restoreContext(context);
    expect(other.run(1)).toEqual(divideError);
    expect(registersOf(other)).toEqual(before);
  });

  test('rounding follows mxcsr and the control word, through contexts too', () => {
    const rig = new CodeRig(library);
    rig.code([
      ['f2 0f 5e c1', 'divsd xmm0,xmm1'],
      ['d9 e8', 'fld1'],
      ['da 37', 'fidiv dword ptr [rdi]'],
      ['dd 5f 08', 'fstp qword ptr [rdi+8]'],
      ['66 0f d6 47 10', 'movq qword ptr [rdi+10h],xmm0'],
    ]);
    const data = new DataView(rig.engine.ram, 16 * PAGE);
    const run = (mxcsr: bigint, control: bigint) => {
      data.setUint32(0, 3, true);
      const file = new BigUint64Array(72);
      rig.cpu.readRegisterFile(file);
      const one = new DataView(new ArrayBuffer(16));
      one.setFloat64(0, 1);
      one.setFloat64(8, 3);
      file[20] = one.getBigUint64(0);
      file[22] = one.getBigUint64(8);
      file[52] = mxcsr;
      file[53] = control;
      file[7] = BigInt(DATA);
      file[16] = BigInt(CODE);
      rig.cpu.writeRegisterFile(file);
      const context = rig.cpu.saveContext();
      rig.cpu.run(1);
      rig.cpu.restoreContext(context);
      expect(rig.cpu.run(5)).toEqual({ kind: 'budget' });
      return [data.getBigUint64(16, true), data.getBigUint64(8, true)];
    };
    const third = 0x3fd5_5555_5555_5555n;
    expect(run(0x1f80n, 0x27fn)).toEqual([third, third]);
    expect(run(0x5f80n, 0xa7fn)).toEqual([third + 1n, third + 1n]);
    expect(run(0x7f80n, 0xe7fn)).toEqual([third, third]);
    expect(run(0x3f80n, 0x67fn)).toEqual([third, third]);
  });

  test('loads and stores at addresses that no hardware has', () => {
    const lines: readonly (readonly [CodeLine, 'read' | 'write'])[] = [
      [['48 8b 07', 'mov rax,[rdi]'], 'read'],
      [['48 89 07', 'mov [rdi],rax'], 'write'],
      [['48 01 07', 'add [rdi],rax'], 'write'],
      [['0f 10 07', 'movups xmm0,[rdi]'], 'read'],
      [['dd 37', 'fnsave [rdi]'], 'write'],
      [['f3 aa', 'rep stosb'], 'write'],
    ];
    for (const [line, access] of lines) {
      const near = BigInt(DATA) + 0xfff0_0000_0000_0000n;
      for (const address of [WILD, 0x1234_5678_9abc_def0n, 1n << 63n, KERNEL, near]) {
        const rig = new CodeRig(library);
        rig.code([nop, line]);
        rig.set({ rdi: address, rcx: 4 });
        rig.cpu.run(1);
        const before = stateOf(rig);
        const exit = rig.cpu.run(3);
        expect(exit, `${line[1]} at 0x${address.toString(16)}`).toMatchObject({
          kind: 'fault',
          access,
        });
        if (exit.kind === 'fault') expect(BigInt(exit.address)).toBe(address);
        expect(stateOf(rig)).toEqual(before);
        expect(rig.takeLog()).toEqual([]);
      }
    }
  });

  test.each([
    ['ff e7', 'jmp rdi', 0],
    ['ff d7', 'call rdi', 8],
    ['c3', 'ret', 0],
    ['c2 10 00', 'ret 10h', 0],
    ['ff 26', 'jmp qword ptr [rsi]', 0],
    ['ff 16', 'call qword ptr [rsi]', 8],
  ] as const)('branches to addresses that no hardware has: %s %s', (hex, text, pushed) => {
    for (const target of [WILD, 0x1234_5678_9abc_def0n, 0x8000_0000_0000_0000n]) {
      const rig = new CodeRig(library);
      rig.code([nop, [hex, text]]);
      rig.set({ rdi: target, rsi: DATA + 128, rsp: DATA + 128 });
      new DataView(rig.engine.ram).setBigUint64(16 * PAGE + 128, target, true);
      rig.cpu.run(1);
      const { data: _, ...before } = stateOf(rig);
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(rig.cpu.run(3)).toEqual(generalProtection);
        expect(rig.cpu.retired).toBe(0);
        expect(stateOf(rig)).toMatchObject(before);
        // What a call pushed stays below the stack pointer, and is in the log.
        const bytes = rig.takeLog().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        expect(bytes).toBe(pushed);
      }
    }
  });

  test('a branch into the half of the kernel faults there', () => {
    const rig = new CodeRig(library);
    rig.code([['ff e7', 'jmp rdi']]);
    const target = KERNEL + 0x123n;
    rig.set({ rdi: target });
    const exit = rig.cpu.run(3);
    expect(exit).toMatchObject({ kind: 'fault', access: 'fetch' });
    if (exit.kind === 'fault') expect(BigInt(exit.address)).toBe(target);
    expect(rig.cpu.retired).toBe(1);
  });

  test('runs always end: loops, jumps to zero, wild code', () => {
    const rig = new CodeRig(library);
    rig.code([['eb fe', 'jmp short 0000000000400000h']]);
    expect(rig.cpu.run(1_000_000)).toEqual({ kind: 'budget' });
    rig.code([['e2 fe', 'loop 0000000000400000h'], nop]);
    rig.set({ rcx: 1000 });
    expect(rig.cpu.run(1000)).toEqual({ kind: 'budget' });
    expect(rig.cpu.read('rcx')).toBe(0n);
    expect(rig.cpu.instructionPointer).toBe(CODE + 2);
    rig.code([['ff e0', 'jmp rax']]);
    rig.set({ rax: 0 });
    expect(rig.cpu.run(10)).toEqual({ kind: 'fault', access: 'fetch', address: 0 });
    rig.cpu.instructionPointer = NOWHERE;
    expect(rig.cpu.run(10)).toEqual({ kind: 'fault', access: 'fetch', address: NOWHERE });
  });
});
