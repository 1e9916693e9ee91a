import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseElf } from '../../emulator/loader/elf.ts';
import { SymbolTable } from '../../emulator/loader/symbols.ts';
import { buildElf, type SymbolSpec } from './elf-bytes.ts';
import { SAMPLE, sampleProgram, sampleSpec } from './sample-program.ts';

const { symbols } = parseElf('sample', sampleProgram()).image;

describe('an address', () => {
  test.each<[number, string]>([
    [0x40_01ff, '0x4001ff'],
    [0x40_0200, '_start'],
    [0x40_020f, '_start+0xf'],
    [0x40_0210, '_start+0x10'],
    [0x40_0220, 'count_up'],
    [0x40_0238, 'count_up+0x18'],
    [0x40_025f, 'count_up+0x3f'],
    [0x40_0260, '$dollar+0x18'],
    [0x40_0280, 'assembly'],
    [0x40_02bf, 'assembly+0x3f'],
    [0x40_02c0, '0x4002c0'],
    [0x40_02c4, 'twice'],
    [0x40_02ff, 'twice+0x37'],
    [0x40_0300, '0x400300'],
    [0x40_1348, '0x401348'],
    [0x40_1480, 'counters+0x100'],
    [0, '0x0'],
    [0x7fff_ffff_0000, '0x7fffffff0000'],
  ])('%i is %s', (address, text) => {
    expect(symbols.format(address)).toBe(text);
  });

  test('is found with the size of its symbol', () => {
    expect(symbols.lookup(0x40_13ff)).toEqual({ name: 'counters', offset: 0x7f, size: 0x100 });
    expect(symbols.lookup(0x40_0281)).toEqual({ name: 'assembly', offset: 1, size: 0 });
  });

  test('in a position-independent program has the load bias taken off', () => {
    const { image } = parseElf('pie', sampleProgram(true));
    expect(image.symbols.format(image.loadBias + 0x221)).toBe('count_up+0x1');
    expect(image.symbols.find('_start')).toBe(image.entry);
  });
});

describe('a name', () => {
  test.each<[string, number | undefined]>([
    ['_start', 0x40_0200],
    ['weak_start', 0x40_0200],
    ['text_end', 0x40_02c0],
    ['counters', 0x40_1380],
    ['twice', 0x40_02c8],
    ['undefined', undefined],
    ['thread_local', undefined],
    ['absolute', undefined],
    ['file.c', undefined],
    ['$x', undefined],
    ['.Lloop', undefined],
    ['.hidden', 0x40_0244],
    ['$dollar', 0x40_0248],
    ['', undefined],
    ['__proto__', undefined],
  ])('%s', (name, address) => {
    expect(symbols.find(name)).toBe(address);
  });
});

describe('a choice of symbols', () => {
  const names = (...entries: readonly SymbolSpec[]) =>
    parseElf('x', buildElf({ ...sampleSpec(), symbols: entries })).image.symbols;
  const at = 0x40_0240;
  const base = { address: at, size: 8, section: '.text' };

  test('functions win over objects over labels, then global over weak over local', () => {
    const ranked: SymbolSpec[] = [
      { ...base, name: 'global function' },
      { ...base, name: 'weak function', binding: 2 },
      { ...base, name: 'local function', binding: 0 },
      { ...base, name: 'global object', type: 1 },
      { ...base, name: 'local object', type: 1, binding: 0 },
      { ...base, name: 'global label', type: 0 },
      { ...base, name: 'local label', type: 0, binding: 0 },
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray([...ranked.keys()], { minLength: 1 }), (order) => {
        const best = ranked[Math.min(...order)];
        const table = names(...order.flatMap((index) => ranked[index] ?? []));
        expect(table.format(at)).toBe(best?.name);
      }),
    );
  });

  test('of equals the first in the table wins', () => {
    const [first, second] = ['a', 'b'].map((name) => ({ ...base, name }));
    if (first === undefined || second === undefined) throw new Error('two symbols');
    expect(names(first, second).format(at)).toBe('a');
    expect(names(second, first).format(at)).toBe('b');
  });

  test('the innermost extent wins, and one that ended does not', () => {
    const table = names(
      { ...base, name: 'outer', address: 0x40_0200, size: 0x80 },
      { ...base, name: 'inner' },
    );
    expect([at, at + 7, at + 8].map((a) => table.format(a))).toEqual([
      'inner',
      'inner+0x7',
      'outer+0x48',
    ]);
  });

  test('a size that leaves the section does not reach into the next', () => {
    const table = names({ ...base, name: 'huge', size: 0x1000 });
    expect(table.format(0x40_02bf)).toBe('huge+0x7f');
    expect(table.format(0x40_02c0)).toBe('0x4002c0');
  });

  test('lookups agree with a search through all symbols', () => {
    const symbol = fc.record({ offset: fc.nat(0xbf), size: fc.nat(0x40) });
    fc.assert(
      fc.property(fc.uniqueArray(symbol, { selector: (s) => s.offset }), (list) => {
        const entries = list.map(({ offset, size }) => ({
          ...base,
          name: `s${offset}`,
          address: 0x40_0200 + offset,
          size: Math.min(size, 0xc0 - offset),
        }));
        const table = names(...entries);
        const descending = entries.toSorted((a, b) => b.address - a.address);
        for (let address = 0x40_0200; address < 0x40_02c0; address++) {
          const below = descending.filter((s) => s.address <= address);
          const expected = below.find((s) => s.address + s.size > address) ?? below[0];
          expect(table.lookup(address)?.name).toBe(expected?.name);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('names with control characters are made fit for a terminal', () => {
    expect(names({ ...base, name: 'evil\n\u001b[31m' }).format(at)).toBe('evil??[31m');
  });

  test('no symbols at all', () => {
    const table = new SymbolTable();
    expect(table.lookup(SAMPLE.code)).toBeUndefined();
    expect(table.find('_start')).toBeUndefined();
    expect(table.format(0x1234)).toBe('0x1234');
  });
});
