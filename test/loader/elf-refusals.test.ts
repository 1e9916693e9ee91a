import { describe, expect, test } from 'vitest';
import { parseElf } from '../../emulator/loader/elf.ts';
import { buildElf, patched, programHeaderField, type SegmentSpec } from './elf-bytes.ts';
import { refusalOf } from './refusals.ts';
import { DATA, STACK, sampleProgram, sampleSpec, TEXT } from './sample-program.ts';

describe('refused', () => {
  const sample = sampleProgram();
  const put = (at: number, width: 1 | 2 | 4 | 8, value: number | bigint) =>
    patched(sample, { at, width, value: BigInt(value) });
  const field = (index: number, at: number, value: number | bigint) =>
    put(programHeaderField(index, at), at < 8 ? 4 : 8, value);
  const withSegment = (segment: SegmentSpec, type = 2) => {
    const spec = sampleSpec(type === 3);
    return buildElf({ ...spec, segments: [...spec.segments, segment] });
  };
  const withDynamic = (tag: number, type: number) => {
    const spec = sampleSpec(type === 3);
    const dynamic = Buffer.alloc(32);
    dynamic.writeUInt32LE(tag, 0);
    return buildElf({
      ...spec,
      segments: [...spec.segments, { type: 2, flags: 6, offset: 0x358, fileSize: 32 }],
      contents: [...spec.contents, { offset: 0x358, bytes: dynamic }],
    });
  };

  test.each<[string, Uint8Array, string, RegExp]>([
    ['the magic alone', sample.subarray(0, 4), 'program-truncated', /truncated: 4 of the 64/],
    ['half a header', sample.subarray(0, 63), 'program-truncated', /truncated: 63 of the 64/],
    ['no headers behind', sample.subarray(0, 64), 'program-truncated', /program headers/],
    ['half a segment', sample.subarray(0, 0x250), 'program-truncated', /segment 0 ends behind/],
    [
      'a 32-bit file',
      patched(put(4, 1, 1), { at: 18, width: 2, value: 3n }),
      'program-machine',
      /32-bit i386/,
    ],
    ['an x32 file', put(4, 1, 1), 'program-machine', /32-bit x86-64/],
    [
      'an ARM file',
      patched(put(4, 1, 1), { at: 18, width: 2, value: 40n }),
      'program-machine',
      /32-bit ARM/,
    ],
    ['an AArch64 file', put(18, 2, 183), 'program-machine', /64-bit AArch64 file/],
    ['a RISC-V file', put(18, 2, 243), 'program-machine', /64-bit RISC-V/],
    ['an unheard-of machine', put(18, 2, 9999), 'program-machine', /machine 9999/],
    [
      'a big-endian file',
      patched(put(5, 1, 2), { at: 18, width: 2, value: 0x1600n }),
      'program-machine',
      /64-bit big-endian s390/,
    ],
    ['a class that is none', put(4, 1, 7), 'program-malformed', /unknown ELF class 7/],
    ['a byte order that is none', put(5, 1, 0), 'program-malformed', /unknown ELF byte order 0/],
    ['another version', put(6, 1, 2), 'program-malformed', /unknown ELF version 2/],
    ['a relocatable object', put(16, 2, 1), 'program-type', /relocatable object/],
    ['a core dump', put(16, 2, 4), 'program-type', /core dump/],
    ['an unknown type', put(16, 2, 0xfe00), 'program-type', /ELF type 65024/],
    [
      'a file with an interpreter',
      withSegment({ type: 3, flags: 4 }),
      'program-dynamic',
      /dynamically linked; only static/,
    ],
    [
      'a PIE with an interpreter',
      withSegment({ type: 3, flags: 4 }, 3),
      'program-dynamic',
      /dynamically linked/,
    ],
    ['a file that needs a library', withDynamic(1, 2), 'program-dynamic', /dynamically linked/],
    ['a named library', withDynamic(14, 3), 'program-type', /shared object/],
    [
      'a library without an entry',
      patched(sampleProgram(true), { at: 24, width: 8, value: 0n }),
      'program-type',
      /shared object/,
    ],
    ['no program headers', put(56, 2, 0), 'program-malformed', /no program headers/],
    [
      'too many program headers',
      put(56, 2, 1171),
      'program-malformed',
      /too many program headers \(1171\)/,
    ],
    ['small program headers', put(54, 2, 32), 'program-malformed', /of 32 bytes instead of 56/],
    ['headers far away', put(32, 8, 1n << 63n), 'program-truncated', /program headers/],
    [
      'no loadable segment',
      patched(field(TEXT, 0, 6), { at: programHeaderField(DATA, 0), width: 4, value: 6n }),
      'program-malformed',
      /no loadable segment/,
    ],
    [
      'a segment larger in the file',
      field(DATA, 40, 0x10),
      'program-malformed',
      /segment 1 is larger in the file/,
    ],
    [
      'a segment beyond the file',
      field(DATA, 8, 0x10_0300),
      'program-truncated',
      /segment 1 ends behind/,
    ],
    [
      'a segment at a huge offset',
      field(DATA, 8, (1n << 64n) - 0x100n),
      'program-truncated',
      /segment 1 ends behind/,
    ],
    [
      'a segment in kernel space',
      field(DATA, 16, 0xffff_ffff_8000_0300n),
      'program-malformed',
      /segment 1 lies outside user space/,
    ],
    [
      'a segment at the end of user space',
      field(DATA, 16, 0x7fff_ffff_e300),
      'program-malformed',
      /outside user space/,
    ],
    [
      'a segment that wraps',
      field(DATA, 40, (1n << 64n) - 1n),
      'program-malformed',
      /outside user space/,
    ],
    [
      'a segment at address zero',
      field(TEXT, 16, 0),
      'program-malformed',
      /segment 0 lies below the lowest address, 0x10000/,
    ],
    [
      'a segment just too low',
      field(TEXT, 16, 0xf000),
      'program-malformed',
      /below the lowest address/,
    ],
    [
      'a misaligned segment',
      field(DATA, 16, 0x40_1310),
      'program-malformed',
      /segment 1 is misaligned/,
    ],
    [
      'overlapping segments',
      field(TEXT, 40, 0x1001),
      'program-malformed',
      /overlap in the page 0x401000/,
    ],
    [
      'equal segments',
      field(DATA, 16, 0x40_0300),
      'program-malformed',
      /overlap in the page 0x400000/,
    ],
    ['too much memory', field(DATA, 40, 2n ** 34n), 'program-too-large', /more than 16 GiB/],
    [
      'writable code',
      field(TEXT, 4, 7),
      'program-write-execute',
      /segment 0 at 0x400000 is both writable and exec/,
    ],
    [
      'an executable stack',
      field(STACK, 4, 7),
      'program-write-execute',
      /executable stack; link it with -z noexecstack/,
    ],
    [
      'an entry in data',
      put(24, 8, 0x40_1300),
      'program-malformed',
      /entry 0x401300 is in no executable segment/,
    ],
    ['an entry behind the code', put(24, 8, 0x40_0300), 'program-malformed', /entry 0x400300/],
    ['an entry nowhere', put(24, 8, (1n << 64n) - 1n), 'program-malformed', /entry 0x/],
    [
      'a PIE aligned to everything',
      patched(sampleProgram(true), {
        at: programHeaderField(TEXT, 48),
        width: 8,
        value: 1n << 63n,
      }),
      'program-malformed',
      /below the lowest address/,
    ],
  ])('%s', (_, bytes, code, message) => {
    const error = refusalOf(() => parseElf('dir/prog', bytes));
    expect(error.message).toMatch(/^dir\/prog: /);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });

  test('with a path that would not fit on a line', () => {
    const path = `${'long/'.repeat(100)}new\nline\u001b[31m.elf`;
    const error = refusalOf(() => parseElf(path, sample.subarray(0, 9)));
    expect(error.message).toMatch(/^\.\.\..*new\?line\?\[31m\.elf: truncated/);
  });
});
