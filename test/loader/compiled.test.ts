import { describe, expect, type TestContext, test } from 'vitest';
import { loadProgram } from '../../emulator/loader/load.ts';
import { describedSections } from '../../emulator/loader/rseq-exit-points.ts';
import { readKeyTuples } from '../../emulator/loader/rseq-keys.ts';
import { rseqDescriptorAddresses } from '../../emulator/loader/rseq-sections.ts';
import { compile, freestanding, probeSource, toolOutput } from './compile.ts';
import { refusalOf } from './refusals.ts';

const PIE_BASE = 0x5555_5555_4000;
const probe = { file: probeSource };
const hosted = { text: '#include <stdio.h>\nint main(void) { return printf("hi\\n") < 0; }' };

/** Two rseq descriptors, the second one first in the pointer array. */
const sections = {
  text: `__asm__(
    ".globl _start\\n_start: ret\\n1: nop\\n"
    ".pushsection __rseq_cs, \\"aw\\"\\n.balign 32\\n"
    ".globl first, second\\n"
    "first: .long 0, 0\\n.quad 1b, 1, 1b\\n"
    "second: .long 0, 0\\n.quad 1b, 1, 1b\\n"
    ".popsection\\n"
    ".pushsection __rseq_cs_ptr_array, \\"aw\\"\\n.quad second, first\\n.popsection\\n"
    ".section .note.GNU-stack, \\"\\"");`,
};

interface NamedSymbol {
  readonly address: number;
  readonly size: number;
  readonly kind: string;
  readonly name: string;
}

/** The symbols with an address in the program, as `nm -S` shows them. */
async function symbolsOf(context: TestContext, path: string): Promise<NamedSymbol[]> {
  const output = await toolOutput(context, 'nm', ['-S', path]);
  return output.split('\n').flatMap((line) => {
    const match = /^([0-9a-f]{16}) (?:([0-9a-f]{16}) )?(\w) (\S+)$/.exec(line);
    if (match === null) return [];
    const [, address, size, kind = '', name = ''] = match;
    return [{ address: Number(`0x${address}`), size: Number(`0x${size ?? 0}`), kind, name }];
  });
}

const variants = [
  { name: 'fixed', options: ['-static', '-O1'], bias: 0 },
  { name: 'static-PIE', options: ['-static-pie', '-O1'], bias: PIE_BASE },
];

describe('a static program of the C library', () => {
  test.for(variants)('$name is mapped as readelf lists it', async ({ options, bias }, context) => {
    const path = await compile(context, hosted, options);
    const { image, warnings } = loadProgram(path);
    expect(warnings).toEqual([]);
    expect(image.loadBias).toBe(bias);
    const listing = await toolOutput(context, 'readelf', ['-hlW', path]);
    expect(image.entry - bias).toBe(Number(/Entry point address:\s+(0x\w+)/.exec(listing)?.[1]));
    const loads = [...listing.matchAll(/LOAD\s+0x\w+ (0x\w+) 0x\w+ 0x\w+ (0x\w+) (...) /g)];
    const expected = loads.map(([, address, size, flags = '']) => [
      Math.floor(Number(address) / 4096) * 4096,
      Math.ceil((Number(address) + Number(size)) / 4096) * 4096,
      (flags.includes('R') ? 1 : 0) + (flags.includes('W') ? 2 : 0) + (flags.includes('E') ? 4 : 0),
    ]);
    expect(expected.length).toBeGreaterThan(2);
    expect(
      image.segments.map(({ address, memorySize, protection }) => [
        address - bias,
        address + memorySize - bias,
        protection,
      ]),
    ).toEqual(expected);
    expect(image.programHeaders?.address).toBe((image.segments[0]?.address ?? 0) + 64);
  });

  test.for(variants)('$name has the symbols of nm', async ({ options, bias }, context) => {
    const path = await compile(context, hosted, options);
    const { symbols } = loadProgram(path).image;
    const all = await symbolsOf(context, path);
    const functions = all.filter(({ kind, size }) => 'TtWi'.includes(kind) && size > 0);
    expect(functions.length).toBeGreaterThan(500);
    const namesAt = new Map<number, string[]>();
    for (const { address, name } of all) {
      namesAt.set(address, [...(namesAt.get(address) ?? []), name]);
    }
    for (const { address, size, name } of functions) {
      expect(symbols.find(name)).toBeDefined();
      const last = symbols.lookup(bias + address + size - 1);
      const start = bias + address + size - 1 - (last?.offset ?? 0);
      expect(namesAt.get(start - bias)).toContain(last?.name);
      expect(start - bias).toBeGreaterThanOrEqual(address);
    }
    for (const name of ['main', '_start', 'printf']) {
      const address = all.find((symbol) => symbol.name === name)?.address ?? 0;
      expect(symbols.find(name)).toBe(bias + address);
    }
    expect(symbols.format((symbols.find('main') ?? 0) + 1)).toBe('main+0x1');
  });
});

describe('rseq sections made by the assembler', () => {
  test.for([
    ['fixed', '-static'],
    ['static-PIE', '-static-pie'],
    ['static-PIE with packed relocations', '-static-pie', '-Wl,-z,pack-relative-relocs'],
  ])('%s', async ([, ...options], context) => {
    const path = await compile(context, sections, [...freestanding, '-fPIE', ...options]);
    const { image } = loadProgram(path);
    const expected = ['second', 'first'].map((name) => image.symbols.find(name));
    expect(expected[0]).toBe((expected[1] ?? 0) + 32);
    expect(rseqDescriptorAddresses(image)).toEqual({ addresses: expected });
  });
});

/** A section with two further exits, and the tuples of a key for it. */
const forDebuggers = {
  text: `__asm__(
    ".globl _start\\n_start: nop\\n"
    ".globl begin, done, other, failed, mark\\n"
    "begin: jz other\\n jc failed\\n nop\\n"
    "done: ret\\n other: ret\\n failed: ret\\n"
    ".pushsection __rseq_cs, \\"aw\\"\\n.balign 32\\n"
    "1: .long 0, 0\\n.quad begin, done - begin, failed\\n"
    ".popsection\\n"
    ".pushsection __rseq_cs_ptr_array, \\"aw\\"\\n.quad 1b\\n.popsection\\n"
    ".pushsection __rseq_exit_point_array, \\"aw\\"\\n.quad begin, other, _start, done\\n"
    ".popsection\\n"
    ".pushsection __rseq_keys, \\"\\", @progbits\\n"
    ".quad 1, begin, mark, 2, done, mark, 3, other, mark\\n.popsection\\n"
    ".pushsection .rodata\\nmark: .byte 0\\n.popsection\\n"
    ".section .note.GNU-stack, \\"\\"");`,
};

describe('what the assembler says to debuggers', () => {
  test.for([
    ['fixed', '-static'],
    ['static-PIE', '-static-pie'],
    ['static-PIE with packed relocations', '-static-pie', '-Wl,-z,pack-relative-relocs'],
  ])('%s', async ([, ...options], context) => {
    const path = await compile(context, forDebuggers, [...freestanding, '-fPIE', ...options]);
    const { image } = loadProgram(path);
    const at = (name: string) => image.symbols.find(name);
    expect(describedSections(image)).toEqual({
      sections: [
        { start: at('begin'), postCommit: at('done'), abort: at('failed'), exits: [at('other')] },
      ],
      warnings: [],
    });
    expect(readKeyTuples(image)).toEqual({
      tuples: [
        { type: 'start', address: at('begin'), key: at('mark') },
        { type: 'finish', address: at('done'), key: at('mark') },
        { type: 'abort', address: at('other'), key: at('mark') },
      ],
      problems: [],
    });
  });
});

describe('refused', () => {
  test.for<[string, readonly string[], RegExp]>([
    ['a dynamic program', ['-DX'], /dynamically linked; only static executables run here/],
    ['a dynamic program without PIE', ['-no-pie'], /dynamically linked/],
    ['a shared library', ['-shared', '-fPIC'], /shared object, not an executable/],
    ['a library that needs none', ['-shared', '-fPIC', '-nostdlib'], /shared object/],
    ['an object file', ['-c'], /relocatable object, not linked yet/],
    ['a 32-bit object file', ['-c', '-m32', '-DX'], /32-bit i386/],
    ['an executable stack', ['-static', '-Wl,-z,execstack'], /asks for an executable stack/],
    [
      'writable code',
      ['-static', '-nostdlib', '-Wl,-N,-e,main'],
      /is both writable and executable/,
    ],
  ])('%s', async ([, options, message], context) => {
    const source = { text: 'int main(void) { return 0; }' };
    const path = await compile(context, source, options);
    expect(refusalOf(() => loadProgram(path)).message).toMatch(message);
  });

  test('a program of this system', () => {
    expect(refusalOf(() => loadProgram(process.execPath)).code).toBe('program-dynamic');
  });
});

describe('a stripped program', () => {
  test('runs without symbols and takes those of a debug file', async (context) => {
    const path = await compile(context, probe, [...freestanding, '-static']);
    const stripped = `${path}-stripped`;
    const debug = `${path}-debug`;
    await toolOutput(context, 'objcopy', ['--strip-all', path, stripped]);
    await toolOutput(context, 'objcopy', ['--only-keep-debug', path, debug]);
    const { image } = loadProgram(stripped);
    expect(image.symbols.format(image.entry)).toMatch(/^0x4/);
    const named = loadProgram(stripped, { symbolsPath: debug }).image;
    expect(named.symbols.format(image.entry)).toBe('_start');
  });
});
