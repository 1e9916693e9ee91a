import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseElf } from '../../emulator/loader/elf.ts';
import { parseFlat } from '../../emulator/loader/flat.ts';
import { type AuxEntry, buildAuxv, buildInitialStack } from '../../emulator/loader/stack.ts';
import { AT, PLATFORM_NAME } from '../../kernel-model/abi/auxv.ts';
import { refusalOf } from './refusals.ts';
import { sampleProgram } from './sample-program.ts';
import { readStack } from './stack-reader.ts';

const STACK_TOP = 0x7fff_ffff_f000;
const randomBytes = new Uint8Array(16).map((_, index) => index + 1);
const cpu = { hwcap: 0x078b_fbff, hwcap2: 0, minimumSignalStackBytes: 1232 };
const { image } = parseElf('dir/sample', sampleProgram(true));

function build(argv: readonly string[], envp: readonly string[], auxv?: readonly AuxEntry[]) {
  return buildInitialStack({
    stackTop: STACK_TOP,
    argv,
    envp,
    auxv: auxv ?? buildAuxv({ ...cpu, image, rseq: { featureSizeBytes: 28, alignBytes: 32 } }),
    randomBytes,
    platform: PLATFORM_NAME,
    execFileName: image.baseName,
  });
}

describe('the auxiliary vector', () => {
  test('has the entries of Linux in their order', () => {
    const auxv = buildAuxv({ ...cpu, image, rseq: { featureSizeBytes: 28, alignBytes: 32 } });
    expect(auxv.map(({ type, value }) => [type, value])).toEqual([
      [51, 1232n],
      [16, 0x078b_fbffn],
      [6, 4096n],
      [17, 100n],
      [3, 0x5555_5555_4040n],
      [4, 56n],
      [5, 3n],
      [7, 0n],
      [8, 0n],
      [9, 0x5555_5555_4200n],
      [11, 1000n],
      [12, 1000n],
      [13, 1000n],
      [14, 1000n],
      [23, 0n],
      [25, 'random-bytes'],
      [26, 0n],
      [31, 'exec-file-name'],
      [15, 'platform'],
      [27, 28n],
      [28, 32n],
    ]);
  });

  test('is silent about rseq where the kernel is', () => {
    const types = buildAuxv({ ...cpu, image }).map(({ type }) => type);
    expect(types).not.toContain(AT.RSEQ_FEATURE_SIZE);
    expect(types).not.toContain(AT.RSEQ_ALIGN);
    expect(types).toHaveLength(19);
  });

  test('of a flat image has an empty program header table', () => {
    const flat = parseFlat('a.bin', Uint8Array.of(0x90));
    const values = new Map(buildAuxv({ ...cpu, image: flat }).map((e) => [e.type, e.value]));
    expect(values.get(AT.PHDR)).toBe(0n);
    expect(values.get(AT.PHNUM)).toBe(0n);
    expect(values.get(AT.ENTRY)).toBe(0x40_0000n);
  });

  test('takes a capability word with its highest bit', () => {
    const [, hwcap] = buildAuxv({ ...cpu, hwcap: -1, image });
    expect(hwcap).toEqual({ type: AT.HWCAP, value: 0xffff_ffffn });
  });
});

describe('the initial stack', () => {
  test('is laid out byte for byte', () => {
    const auxv: AuxEntry[] = [
      { type: AT.RANDOM, value: 'random-bytes' },
      { type: AT.EXECFN, value: 'exec-file-name' },
      { type: AT.PLATFORM, value: 'platform' },
    ];
    const stack = build(['sample', 'x'], ['A=1'], auxv);
    const text = (value: string) => Buffer.from(value, 'latin1');
    const strings = Buffer.concat([
      text('sample\0x\0'),
      text('A=1\0'),
      text('sample\0'),
      Buffer.alloc(8),
    ]);
    const stringsAt = STACK_TOP - strings.length;
    const platformAt = stringsAt - (stringsAt % 16) - 7;
    const items = Buffer.concat([Buffer.from(randomBytes), text('x86_64\0')]);
    const pointers = [2, stringsAt, stringsAt + 7, 0, stringsAt + 9, 0];
    const vector = [25, platformAt - 16, 31, stringsAt + 13, 15, platformAt, 0, 0];
    const words = Buffer.alloc(14 * 8);
    [...pointers, ...vector].forEach((word, index) => {
      words.writeBigUInt64LE(BigInt(word), index * 8);
    });
    expect(stack.stackPointer).toBe(stack.address);
    expect(stack.stackPointer % 16).toBe(0);
    const bytes = Buffer.from(stack.bytes);
    expect(bytes.length).toBe(STACK_TOP - stack.address);
    expect(bytes.subarray(0, words.length)).toEqual(words);
    expect(bytes.subarray(platformAt - 16 - stack.address, platformAt + 7 - stack.address)).toEqual(
      items,
    );
    expect(bytes.subarray(stringsAt - stack.address)).toEqual(strings);
    expect(platformAt - 16 - (stack.address + words.length)).toBeLessThan(16);
  });

  test('gives back what was put in', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((s) => !s.includes('\0'));
    fc.assert(
      fc.property(fc.array(text), fc.array(text), (argv, envp) => {
        const stack = build(argv, envp);
        expect(stack.stackPointer % 16).toBe(0);
        const read = readStack(stack.stackPointer, stack.bytes);
        expect(read.argv).toEqual(argv.map((s) => Buffer.from(s).toString()));
        expect(read.envp).toEqual(envp.map((s) => Buffer.from(s).toString()));
        expect(read.auxv.map(({ type }) => type)).toEqual([
          51, 16, 6, 17, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 23, 25, 26, 31, 15, 27, 28,
        ]);
        const item = (type: number) => read.auxv.find((e) => e.type === type)?.value ?? 0;
        expect(read.bytesAt(item(AT.RANDOM), 16)).toEqual(Buffer.from(randomBytes));
        expect(read.textAt(item(AT.EXECFN))).toBe('sample');
        expect(read.textAt(item(AT.PLATFORM))).toBe('x86_64');
      }),
    );
  });

  test('takes what execve(2) takes and no more', () => {
    const longest = 'x'.repeat(32 * 4096 - 1);
    expect(() => build(['sample', longest], [])).not.toThrow();
    const enough = Array.from({ length: 16 }, () => longest);
    for (const [argv, envp] of [
      [[`${longest}x`], []],
      [[], [`A=${longest}`]],
      [enough, []],
      [enough.slice(8), enough.slice(8)],
      [Array.from({ length: 2 ** 18 }, () => ''), []],
    ] as const) {
      const error = refusalOf(() => build(argv, envp));
      expect([error.code, error.message]).toEqual([
        'arguments-unusable',
        'arguments and environment are too long',
      ]);
    }
  });

  test('refuses a string that would end early', () => {
    expect(refusalOf(() => build(['a\0b'], [])).code).toBe('arguments-unusable');
    expect(refusalOf(() => build([], ['A=\0'])).code).toBe('arguments-unusable');
  });
});
