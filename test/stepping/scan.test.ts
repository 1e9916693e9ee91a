import { describe, expect, test } from 'vitest';
import { flowAt } from '../../emulator/stepping/flow.ts';
import { scanExits } from '../../emulator/stepping/scan.ts';
import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';
import {
  assemble,
  bytes,
  callTo,
  jump,
  jumpIfNotZero,
  label,
  nop,
  type Part,
  ret,
  syscall,
  testRax,
} from '../machine/tiny-program.ts';

const ABORT = 0x50_0000;

/** The exits of a section with this code, by label; `start` and `end` bound it. */
function scan(inside: readonly Part[], options: { readonly isOpen?: boolean } = {}) {
  const { program, labels } = assemble([
    label('before'),
    nop,
    label('start'),
    ...inside,
    label('end'),
    nop,
    label('after'),
    nop,
  ]);
  const code = (address: number, lengthBytes: number) => {
    const [segment] = program.image.segments;
    const at = address - (segment?.address ?? 0);
    return segment?.bytes.subarray(at, at + lengthBytes);
  };
  const start = labels.get('start') ?? 0;
  const end = labels.get('end') ?? 0;
  const region: ArmedRegion = {
    source: 1,
    start: options.isOpen === true ? undefined : start,
    end,
    abort: options.isOpen === true ? undefined : ABORT,
  };
  const exits = scanExits(code, region, start);
  const names = new Map([...labels].map(([name, address]) => [address, name]));
  return exits && [...exits].map((exit) => names.get(exit) ?? exit).toSorted();
}

describe('the exits of an armed section, by its code,', () => {
  test('are its end and its abort handler where it runs straight on', () => {
    expect(scan([nop, testRax, nop])).toEqual([ABORT, 'end']);
  });

  test('include where its branches and jumps lead', () => {
    const inside = [testRax, jumpIfNotZero('after'), nop, jump('before')];
    expect(scan(inside)).toEqual([ABORT, 'after', 'before', 'end']);
  });

  test('do not include a loop in it', () => {
    expect(scan([label('loop'), nop, testRax, jumpIfNotZero('loop'), nop])).toEqual([ABORT, 'end']);
  });

  test('are known without a lower bound', () => {
    const inside = [testRax, jumpIfNotZero('after'), jumpIfNotZero('before'), nop];
    expect(scan(inside, { isOpen: true })).toEqual(['after', 'before', 'end']);
  });

  test.each<readonly [string, readonly Part[]]>([
    ['a call', [nop, callTo('after'), nop]],
    ['a return', [testRax, ret]],
    ['a system call', [syscall, nop]],
    ['an indirect jump', [bytes(0xff, 0xe0)]],
    ['what is no instruction', [bytes(0x06)]],
    ['more code than a scan looks at', new Array<Part>(65).fill(nop)],
  ])('are not known with %s in it', (_, inside) => {
    expect(scan(inside)).toBeUndefined();
  });
});

test('an instruction is decoded at the very end of the code, and nowhere behind it', () => {
  const code = (address: number, length: number) =>
    address + length <= 1 ? Uint8Array.of(0x90).subarray(address, address + length) : undefined;
  expect(flowAt(code, 0)).toEqual({ kind: 'straight', next: 1, target: undefined });
  expect(flowAt(code, 1)).toBeUndefined();
});
