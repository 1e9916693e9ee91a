import { expect, test } from 'vitest';
import { decodeUse } from '../../emulator/engine/decode/used-memory.ts';

const IP = 0x40_0000;

function use(...code: readonly number[]) {
  return decodeUse(Uint8Array.from([...code, ...new Array<number>(15).fill(0x90)]), IP);
}

test('operands, with their addresses and what is done to them', () => {
  // mov 8(%rbx,%rcx,4), %rax
  expect(use(0x48, 0x8b, 0x44, 0x8b, 0x08).memory).toEqual([
    {
      operand: expect.objectContaining({
        base: 'rbx',
        index: 'rcx',
        scale: 4,
        displacement: 8n,
        sizeBytes: 8,
      }),
      reads: true,
      writes: false,
    },
  ]);
  // lock incl (%rdi)
  expect(use(0xf0, 0xff, 0x07).memory).toMatchObject([
    { operand: { base: 'rdi', sizeBytes: 4 }, reads: true, writes: true },
  ]);
  // mov %eax, 0x10(%rip)
  expect(use(0x89, 0x05, 0x10, 0, 0, 0).memory).toMatchObject([
    { operand: { base: undefined, displacement: BigInt(IP + 6 + 0x10) }, writes: true },
  ]);
  // mov %fs:0, %rax
  expect(use(0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0).memory).toMatchObject([
    { operand: { segment: 'fs_base', displacement: 0n }, reads: true },
  ]);
});

test('memory that no operand names', () => {
  // push %rax
  expect(use(0x50).memory).toMatchObject([
    { operand: { base: 'rsp', displacement: BigInt.asUintN(64, -8n), sizeBytes: 8 }, writes: true },
  ]);
  // rep movsb
  const copied = use(0xf3, 0xa4).memory;
  expect(copied.find(({ operand }) => operand.base === 'rsi')).toMatchObject({ reads: true });
  expect(copied.find(({ operand }) => operand.base === 'rdi')).toMatchObject({ writes: true });
});

test('an address that is only computed is not used', () => {
  // lea 8(%rbx), %rax
  expect(use(0x48, 0x8d, 0x43, 0x08)).toMatchObject({
    memory: [],
    isStraight: true,
    lengthBytes: 4,
    mayTrap: false,
  });
});

test('what leaves the straight way', () => {
  expect(use(0x0f, 0x05).isSyscall).toBe(true);
  expect(use(0x0f, 0x31).readsClock).toBe(true);
  expect(use(0xeb, 0xfe).isStraight).toBe(false);
  // div %rcx, int3, ud2
  for (const code of [[0x48, 0xf7, 0xf1], [0xcc], [0x0f, 0x0b]]) {
    expect(use(...code).mayTrap).toBe(true);
  }
});
