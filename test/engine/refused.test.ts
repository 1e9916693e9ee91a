import { describe, expect, test } from 'vitest';
import { INSTRUCTION_CLASS } from '../../emulator/engine/decode/classify.ts';
import type { Exit } from '../../emulator/engine/engine.ts';
import { unicornLibraries } from '../support/unicorn.ts';
import { type CodeLine, CodeRig } from './code-rig.ts';
import { CODE, DATA, stateOf } from './rig.ts';

const nop: CodeLine = ['90', 'nop'];

/** Instructions that Unicorn, in ring 0 and with its own set of features, would execute or get wrong. */
const general: readonly CodeLine[] = [
  ['f4', 'hlt'],
  ['fa', 'cli'],
  ['fb', 'sti'],
  ['e4 80', 'in al,80h'],
  ['ee', 'out dx,al'],
  ['6c', 'insb'],
  ['f3 6e', 'rep outsb'],
  ['0f 32', 'rdmsr'],
  ['0f 30', 'wrmsr'],
  ['0f 20 c0', 'mov rax,cr0'],
  ['0f 22 d8', 'mov cr3,rax'],
  ['0f 21 c0', 'mov rax,dr0'],
  ['0f 23 f8', 'mov dr7,rax'],
  ['0f 06', 'clts'],
  ['0f 08', 'invd'],
  ['0f 09', 'wbinvd'],
  ['0f 01 10', 'lgdt fword ptr [rax]'],
  ['0f 01 18', 'lidt fword ptr [rax]'],
  ['0f 00 d0', 'lldt ax'],
  ['0f 00 d8', 'ltr ax'],
  ['0f 01 f0', 'lmsw ax'],
  ['0f 01 38', 'invlpg [rax]'],
  ['0f 01 f8', 'swapgs'],
  ['0f 01 d1', 'xsetbv'],
  ['48 0f 07', 'sysretq'],
  ['48 0f 35', 'sysexitq'],
];

const invalid: readonly CodeLine[] = [
  ['0f 0b', 'ud2'],
  ['0f b9 c0', 'ud1 eax,eax'],
  ['0f ff c0', 'ud0 eax,eax'],
  ['0f 01 ca', 'clac'],
  ['0f 01 c8', 'monitor rax,rcx,rdx'],
  ['0f aa', 'rsm'],
];

const unsupported: readonly CodeLine[] = [
  ['c5 e9 fe c6', 'vpaddd xmm0,xmm2,xmm6'],
  ['c5 f9 6f 07', 'vmovdqa xmm0,xmmword ptr [rdi]'],
  ['c5 fe 6f 07', 'vmovdqu ymm0,ymmword ptr [rdi]'],
  ['c5 f8 77', 'vzeroupper'],
  ['c4 e2 69 98 c6', 'vfmadd132ps xmm0,xmm2,xmm6'],
  ['c4 e2 7d 18 07', 'vbroadcastss ymm0,dword ptr [rdi]'],
  ['62 f1 7c 48 10 07', 'vmovups zmm0,[rdi]'],
  ['62 f1 6d 08 fe c6', 'vpaddd xmm0,xmm2,xmm6'],
  ['c5 f8 92 c8', 'kmovw k1,eax'],
  ['0f ae 27', 'xsave [rdi]'],
  ['0f c7 27', 'xsavec [rdi]'],
  ['0f ae 2f', 'xrstor [rdi]'],
  ['0f ae 07', 'fxsave [rdi]'],
  ['0f ae 0f', 'fxrstor [rdi]'],
  ['66 0f 3a 44 c1 00', 'pclmullqlqdq xmm0,xmm1'],
  ['0f c7 f0', 'rdrand eax'],
  ['0f c7 f8', 'rdseed eax'],
  ['0f 38 c9 ca', 'sha1msg1 xmm1,xmm2'],
  ['66 0f 38 cf ca', 'gf2p8mulb xmm1,xmm2'],
  ['66 0f ae 3f', 'clflushopt [rdi]'],
  ['0f 01 d6', 'xtest'],
  ['c7 f8 00 00 00 00', 'xbegin 0000000000400007h'],
  ['0f 33', 'rdpmc'],
  ['cd 80', 'int 80h'],
  ['f1', 'int1'],
  ['48 cf', 'iretq'],
  ['cb', 'retf'],
  ['0f 34', 'sysenter'],
  ['66 9d', 'popf'],
  ['8e d8', 'mov ds,eax'],
  ['0f a1', 'pop fs'],
  ['ff 2f', 'jmp fword ptr [rdi]'],
  ['0f 01 07', 'sgdt [rdi]'],
  ['0f 02 c1', 'lar eax,ecx'],
  ['66 0f f7 c1', 'maskmovdqu xmm0,xmm1'],
  ['c8 10 00 01', 'enter 10h,1'],
];

/** What every instruction of a kind does right but for these, on some Unicorn. */
const mistaken: readonly CodeLine[] = [
  ['c4 e2 78 f3 d8', 'blsi eax,eax'],
  ['c4 e2 60 f5 c1', 'bzhi eax,ecx,ebx'],
  ['c4 e2 73 f5 c2', 'pdep eax,ecx,edx'],
  ['c4 e2 72 f5 c2', 'pext eax,ecx,edx'],
  ['66 0f 3a 61 c1 0c', 'pcmpestri xmm0,xmm1,0Ch'],
  ['66 0f 3a 60 07 0c', 'pcmpestrm xmm0,[rdi],0Ch'],
  ['66 0f 38 02 c0', 'phaddd xmm0,xmm0'],
  ['0f 38 03 c9', 'phaddsw mm1,mm1'],
  ['66 0f 38 05 d2', 'phsubw xmm2,xmm2'],
  ['f0 f7 1f', 'lock neg dword ptr [rdi]'],
  ['0f b1 ca', 'cmpxchg edx,ecx'],
  ['c2 00 80', 'ret 8000h'],
  ['d9 fe', 'fsin'],
  ['d9 f1', 'fyl2x'],
  ['d9 f8', 'fprem'],
  ['dd 0f', 'fisttp qword ptr [rdi]'],
  ['48 66 01 c8', 'add ax,cx'],
  ['48 41 89 c8', 'mov r8d,ecx'],
  ['66 f2 0f 58 c1', 'addsd xmm0,xmm1'],
  ['66 f3 0f 2d 07', 'cvtss2si eax,dword ptr [rdi]'],
  ['66 c3', 'ret'],
  ['66 74 00', 'je short 0000000000400004h'],
];

const model: readonly CodeLine[] = [
  ['0f a2', 'cpuid'],
  ['0f 31', 'rdtsc'],
  ['0f 01 f9', 'rdtscp'],
  ['f3 0f c7 f8', 'rdpid rax'],
  ['0f 01 d0', 'xgetbv'],
  ['f3 48 0f b8 c7', 'popcnt rax,rdi'],
  ['0f 38 f0 07', 'movbe eax,[rdi]'],
  ['9d', 'popfq'],
  ['f3 48 0f ae c0', 'rdfsbase rax'],
  ['f3 48 0f ae c8', 'rdgsbase rax'],
  ['f3 48 0f ae d0', 'wrfsbase rax'],
  ['f3 48 0f ae d8', 'wrgsbase rax'],
  ['8c d8', 'mov eax,ds'],
];

/** What a user of a CPU with our features may execute although it looks like the above. */
const plain: readonly CodeLine[] = [
  ['f3 90', 'pause'],
  ['f3 c3', 'rep ret'],
  ['f3 0f 1e fa', 'endbr64'],
  ['f3 48 0f 1e c8', 'rdsspq rax'],
  ['0f 1f 00', 'nop dword ptr [rax]'],
  ['0f 18 0f', 'prefetcht0 [rdi]'],
  ['0f ae f0', 'mfence'],
  ['0f ae 3f', 'clflush [rdi]'],
  ['9c', 'pushfq'],
  ['c4 e2 68 f2 c1', 'andn eax,edx,ecx'],
  ['c4 e2 73 f6 c2', 'mulx eax,ecx,edx'],
  ['66 0f 38 02 c1', 'phaddd xmm0,xmm1'],
  ['f7 1f', 'neg dword ptr [rdi]'],
  ['0f b1 0f', 'cmpxchg [rdi],ecx'],
  ['66 f2 0f 38 f1 c1', 'crc32 eax,cx'],
  ['66 f3 0f bc c1', 'tzcnt ax,cx'],
  ['f3 48 0f bd c7', 'lzcnt rax,rdi'],
  ['f3 48 0f bc c7', 'tzcnt rax,rdi'],
  ['f2 48 0f 38 f1 c7', 'crc32 rax,rdi'],
  ['66 48 0f 38 f6 c7', 'adcx rax,rdi'],
  ['66 0f 3a 63 c1 0c', 'pcmpistri xmm0,xmm1,0Ch'],
  ['66 0f 38 dc c1', 'aesenc xmm0,xmm1'],
  ['d9 e8', 'fld1'],
  ['0f 77', 'emms'],
];

const groups: readonly (readonly [string, readonly CodeLine[], Partial<Exit>])[] = [
  ['general protection', general, { kind: 'exception', exception: 'general-protection' }],
  ['invalid opcode', invalid, { kind: 'exception', exception: 'invalid-opcode' }],
  ['breakpoint', [['cc', 'int 3']], { kind: 'exception', exception: 'breakpoint' }],
  ['refused', [...unsupported, ...mistaken], { kind: 'unsupported' }],
  ['left to the machine', model, { kind: 'instruction' }],
  ['the kernel', [['0f 05', 'syscall']], { kind: 'syscall' }],
];

describe.each(await unicornLibraries())('%s', (library) => {
  const start = (lines: readonly CodeLine[]) => {
    const rig = new CodeRig(library);
    rig.code(lines);
    rig.set({ rdi: DATA, rsp: DATA + 0x800, rax: DATA });
    return rig;
  };

  describe.each(groups)('%s', (_, lines, expected) => {
    test.each(lines)('%s: %s', (...line) => {
      const rig = start([nop, line]);
      rig.cpu.run(1);
      const before = stateOf(rig);
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(rig.cpu.run(3)).toMatchObject(expected);
        expect(rig.cpu.retired).toBe(0);
        expect(stateOf(rig)).toEqual(before);
      }
    });
  });

  test('what is refused is named', () => {
    const rig = start([['c5 e9 fe c6', 'vpaddd xmm0,xmm2,xmm6']]);
    expect(rig.cpu.run(1)).toEqual({ kind: 'unsupported', detail: 'vpaddd xmm0,xmm2,xmm6' });
  });

  test.each([...general, ...invalid, ...unsupported])(
    'unreached, %s hinders nothing: %s',
    (...line) => {
      const skipped = line[0].split(' ').length;
      const to = (CODE + 2 + skipped).toString(16).padStart(16, '0');
      const text = `jmp short ${to.toUpperCase()}h`;
      const moved: CodeLine = line[1].startsWith('xbegin')
        ? [line[0], 'xbegin 0000000000400008h']
        : line;
      const rig = start([[`eb ${skipped.toString(16).padStart(2, '0')}`, text], moved, nop]);
      expect(rig.cpu.run(2)).toEqual({ kind: 'budget' });
    },
  );

  test.each(plain)('%s executes: %s', (...line) => {
    const rig = start([line, nop]);
    rig.ram.set(Uint8Array.of(1, 0, 0x40), 16 * 4096 + 0x800);
    expect(rig.cpu.run(1)).toEqual({ kind: 'budget' });
    expect(rig.cpu.retired).toBe(1);
  });
});

test('no class of instruction can be mistaken for another, or for a mark', () => {
  const bytes = Object.values(INSTRUCTION_CLASS);
  expect(new Set(bytes).size).toBe(bytes.length);
  for (const byte of bytes) expect(byte & 2).toBe(0);
  expect(bytes.filter((byte) => (byte & 1) !== 0)).toEqual([INSTRUCTION_CLASS.plain]);
});
