import { buildElf, type ElfSpec, type SymbolSpec, words } from './elf-bytes.ts';

const ALLOC = 2;
const WRITE = 1;
const EXECUTE = 4;
const FUNCTION = 2;
const OBJECT = 1;
const LABEL = 0;
const LOCAL = 0;

/** Positions in the sample, from its load address. */
export const SAMPLE = {
  code: 0x200,
  codeBytes: 0x100,
  abortHandler: 0x2c0,
  data: 0x1300,
  dataFileOffset: 0x300,
  dataFileBytes: 0x80,
  dataMemoryBytes: 0x2000,
  descriptor: 0x1320,
  pointers: 0x1340,
  bss: 0x1380,
} as const;

/** Indices of the program headers of the sample. */
export const TEXT = 0;
export const DATA = 1;
export const STACK = 2;

/**
 * A small program as a linker would make it: text with the headers in front, data that shares a page
 * of the file with it, `.bss`, one rseq descriptor behind padding. Position-independent ones begin at 0
 * and keep pointers as relative relocations.
 */
export function sampleSpec(positionIndependent = false): ElfSpec {
  const base = positionIndependent ? 0 : 0x40_0000;
  const code = new Uint8Array(SAMPLE.codeBytes).map((_, i) => (i * 7 + 1) & 0xff);
  const rela = words(
    ...[
      [SAMPLE.descriptor + 8, base + SAMPLE.code + 0x20],
      [SAMPLE.descriptor + 24, base + SAMPLE.abortHandler],
      [SAMPLE.pointers, base + SAMPLE.descriptor],
    ].flatMap(([at, addend]) => [base + (at ?? 0), 8, addend ?? 0]),
  );
  const pointer = (value: number) => (positionIndependent ? 0 : base + value);
  const data = new Uint8Array(SAMPLE.dataFileBytes).fill(0xdd, 0x48);
  data.set(words(0, pointer(SAMPLE.code + 0x20), 0x10, pointer(SAMPLE.abortHandler)), 0x20);
  data.set(words(pointer(SAMPLE.descriptor)), 0x40);
  const loaded = (name: string, flags: number, at: number, size: number) => ({
    name,
    type: 1,
    flags: flags | ALLOC,
    address: base + at,
    offset: at >= SAMPLE.data ? at - 0x1000 : at,
    size,
  });
  return {
    type: positionIndependent ? 3 : 2,
    entry: base + SAMPLE.code,
    segments: [
      { type: 1, flags: 5, offset: 0, address: base, fileSize: SAMPLE.code + SAMPLE.codeBytes },
      {
        type: 1,
        flags: 6,
        offset: SAMPLE.dataFileOffset,
        address: base + SAMPLE.data,
        fileSize: SAMPLE.dataFileBytes,
        memorySize: SAMPLE.dataMemoryBytes,
      },
      { type: 0x6474_e551, flags: 6 },
    ],
    contents: [
      { offset: SAMPLE.code, bytes: code },
      { offset: SAMPLE.dataFileOffset, bytes: data },
    ],
    sections: [
      loaded('.text', EXECUTE, SAMPLE.code, 0xc0),
      loaded('__rseq_failure', EXECUTE, SAMPLE.abortHandler, 0x40),
      loaded('__rseq_cs', WRITE, SAMPLE.data, 0x40),
      loaded('__rseq_cs_ptr_array', WRITE, SAMPLE.pointers, 8),
      loaded('.data', WRITE, SAMPLE.pointers + 8, 0x38),
      { ...loaded('.bss', WRITE, SAMPLE.bss, 0x1f80), type: 8 },
      ...(positionIndependent
        ? [{ name: '.rela.dyn', type: 4, flags: 0, content: rela } as const]
        : []),
      { name: '.comment', type: 1, flags: 0, content: Buffer.from('made by hand\0') },
    ],
    symbols: sampleSymbols(base),
  };
}

function sampleSymbols(base: number): SymbolSpec[] {
  const text = { section: '.text' };
  return [
    { name: 'file.c', address: 0, type: 4, binding: LOCAL, section: 0xfff1 },
    { name: '', address: base + SAMPLE.code, type: 3, binding: LOCAL, ...text },
    { ...text, name: '$x', address: base + 0x20c, type: LABEL, binding: LOCAL },
    { ...text, name: '.Lloop', address: base + 0x20d, type: LABEL, binding: LOCAL },
    { ...text, name: 'start_alias', address: base + 0x200, type: LABEL, binding: LOCAL },
    { ...text, name: '_start', address: base + 0x200, size: 0x10, type: FUNCTION },
    { ...text, name: 'weak_start', address: base + 0x200, size: 0x10, binding: 2 },
    { ...text, name: 'count_up', address: base + 0x220, size: 0x40, binding: LOCAL },
    { ...text, name: 'commit', address: base + 0x238, type: LABEL, binding: LOCAL },
    { ...text, name: '.hidden', address: base + 0x244, type: LABEL, binding: LOCAL },
    { ...text, name: '$dollar', address: base + 0x248, type: LABEL, binding: LOCAL },
    { ...text, name: 'assembly', address: base + 0x280, type: LABEL },
    { ...text, name: 'text_end', address: base + 0x2c0, type: LABEL },
    { name: 'counters', address: base + SAMPLE.bss, size: 0x100, type: OBJECT, section: '.bss' },
    { name: 'twice', address: base + 0x2c4, type: LABEL, binding: LOCAL, section: 2 },
    { name: 'twice', address: base + 0x2c8, type: LABEL, section: 2 },
    { name: 'undefined', address: 0, section: 0 },
    { name: 'thread_local', address: 8, size: 8, type: 6, section: '.data' },
    { name: 'absolute', address: 0x1234, type: LABEL, section: 0xfff1 },
  ];
}

/** The file of `sampleSpec`. */
export function sampleProgram(positionIndependent = false): Uint8Array {
  return buildElf(sampleSpec(positionIndependent));
}
