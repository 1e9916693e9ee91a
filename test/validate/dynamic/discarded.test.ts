import { expect, test } from 'vitest';
import { discardedBy } from '../../../emulator/validate/dynamic/ordering/discarded.ts';
import { MADV, MAP } from '../../../kernel-model/abi/mman.ts';
import { PROT_READ } from '../../../kernel-model/mm/mapping.ts';
import { fails, returns, type SyscallArguments } from '../../../kernel-model/syscalls/context.ts';

const [START, LENGTH] = [0x10_0000, 0x2000];
const GONE = { start: START, end: START + LENGTH };
const DONE = returns(0);

function args(third: number, fourth = 0): SyscallArguments {
  return [BigInt(START), BigInt(LENGTH), BigInt(third), BigInt(fourth), 0n, 0n];
}

function mapping(start: number, shared: boolean) {
  return { start, end: start + 0x1000, protection: PROT_READ, shared, name: 'test' };
}

test.each([
  ['munmap', args(0), DONE, GONE],
  ['munmap', args(0), fails('EINVAL'), undefined],
  ['madvise', args(MADV.DONTNEED), DONE, GONE],
  ['madvise', args(MADV.DONTNEED), fails('EINVAL'), undefined],
  ['madvise', args(MADV.WILLNEED), DONE, undefined],
  ['mmap', args(PROT_READ, MAP.PRIVATE | MAP.FIXED), returns(START), GONE],
  ['mmap', args(PROT_READ, MAP.PRIVATE | MAP.FIXED_NOREPLACE), returns(START), undefined],
  ['mmap', args(PROT_READ, MAP.PRIVATE), returns(START), undefined],
  ['mprotect', args(PROT_READ), DONE, undefined],
] as const)('%s %s that gives %o has thrown away %o', (name, given, result, gone) => {
  expect(discardedBy(name, given, result, () => [mapping(START, false)])).toEqual(gone);
});

test.each([
  ['in it', START + 0x1000, undefined],
  ['before it', START - 0x1000, GONE],
  ['behind it', START + LENGTH, GONE],
])('advice leaves memory as it is where what is shared lies %s', (_, shared, gone) => {
  const mappings = () => [mapping(START, false), mapping(shared, true)];
  expect(discardedBy('madvise', args(MADV.DONTNEED), DONE, mappings)).toEqual(gone);
});
