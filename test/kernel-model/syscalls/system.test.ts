import { describe, expect, test } from 'vitest';
import { ERRNO } from '../../../kernel-model/abi/errno.ts';
import { ARCH } from '../../../kernel-model/abi/prctl.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import { HOLE, NO_ACCESS, READ_ONLY, READ_WRITE, TestMachine } from '../harness.ts';

const BUFFER = READ_WRITE + 0x100;
const VECTOR = READ_WRITE + 0x40;
const NAME_BYTES = 65;

function writeText(machine: TestMachine, address: number, text: string): void {
  machine.memory.write(address, new TextEncoder().encode(text));
}

function written(machine: TestMachine): string {
  return machine.output.map(({ text }) => text).join('');
}

describe('write', () => {
  test('sends bytes to the stream that is named', () => {
    const machine = new TestMachine();
    writeText(machine, BUFFER, 'hello');
    expect(machine.call('write', [1, BUFFER, 2])).toBe(2);
    expect(machine.call('write', [2, BUFFER + 2, 3])).toBe(3);
    expect(machine.output).toEqual([
      { descriptor: 1, text: 'he' },
      { descriptor: 2, text: 'llo' },
    ]);
  });

  test('sends what comes before the page that faults, in whole pages', () => {
    const machine = new TestMachine();
    expect(machine.call('write', [1, READ_ONLY - 16, PAGE_SIZE + 16])).toBe(PAGE_SIZE + 16);
    expect(machine.call('write', [1, READ_WRITE, 3 * PAGE_SIZE])).toBe(2 * PAGE_SIZE);
    expect(machine.call('write', [1, NO_ACCESS - 16, 32])).toBe(-ERRNO.EFAULT);
    expect(written(machine)).toHaveLength(PAGE_SIZE + 16 + 2 * PAGE_SIZE);
  });

  test('of nothing sends nothing', () => {
    const machine = new TestMachine();
    expect(machine.call('write', [1, HOLE, 0])).toBe(0);
    expect(machine.output).toEqual([]);
  });
});

test('writev joins its pieces', () => {
  const machine = new TestMachine();
  writeText(machine, BUFFER, 'abcdef');
  const pieces: readonly [number, number][] = [
    [BUFFER + 4, 2],
    [HOLE, 0],
    [BUFFER, 3],
  ];
  pieces.forEach(([base, length], index) => {
    machine.memory.writeU64(VECTOR + index * 16, BigInt(base));
    machine.memory.writeU64(VECTOR + index * 16 + 8, BigInt(length));
  });
  expect(machine.call('writev', [1, VECTOR, pieces.length])).toBe(5);
  expect(written(machine)).toBe('efabc');
});

describe('getrandom', () => {
  function draw(machine: TestMachine, length: number): number[] {
    machine.memory.write(BUFFER, new Uint8Array(64));
    expect(machine.call('getrandom', [BUFFER, length, 0])).toBe(length);
    return [...(machine.memory.read(BUFFER, 64) ?? [])];
  }

  test('is a function of the seed and of what was drawn before', () => {
    const [first, again, other] = [1, 1, 2].map((seed) => new TestMachine({ seed }));
    const run = (machine = new TestMachine()) => [draw(machine, 16), draw(machine, 16)];
    const [one, two] = run(first);
    expect(run(again)).toEqual([one, two]);
    expect(two).not.toEqual(one);
    expect(run(other)[0]).not.toEqual(one);
  });

  test('writes as many bytes as were asked for', () => {
    const bytes = draw(new TestMachine(), 13);
    expect(bytes.slice(0, 13).some((byte) => byte !== 0)).toBe(true);
    expect(bytes.slice(13)).toEqual(Array(51).fill(0));
  });

  test('is splitmix64', () => {
    const machine = new TestMachine({ seed: 1234567 });
    machine.call('getrandom', [BUFFER, 16, 0]);
    expect(machine.memory.readU64(BUFFER)).toBe(6457827717110365317n);
    expect(machine.memory.readU64(BUFFER + 8)).toBe(3203168211198807973n);
  });
});

test('uname tells the release of the profile', () => {
  const machine = new TestMachine();
  expect(machine.call('uname', [BUFFER])).toBe(0);
  const member = (index: number) =>
    machine.memory.readString(BUFFER + index * NAME_BYTES, NAME_BYTES);
  expect([0, 2, 4].map(member)).toEqual(['Linux', LINUX_6_18.release, 'x86_64']);
});

test('a limit can be read, both ways alike, but not set', () => {
  const machine = new TestMachine();
  for (let resource = 0; resource < 16; resource++) {
    expect(machine.call('getrlimit', [resource, BUFFER])).toBe(0);
    expect(machine.call('prlimit64', [0, resource, 0, BUFFER + 16])).toBe(0);
    const [old, fresh] = [0, 16].map((offset) => machine.memory.read(BUFFER + offset, 16));
    expect(fresh).toEqual(old);
  }
  expect(machine.syscall(1, 'prlimit64', [0, 3, BUFFER, 0]).kind).toBe('unsupported');
});

test.each([
  ['fs_base', ARCH.SET_FS, ARCH.GET_FS],
  ['gs_base', ARCH.SET_GS, ARCH.GET_GS],
] as const)('arch_prctl sets and gets %s', (register, set, get) => {
  const machine = new TestMachine();
  expect(machine.call('arch_prctl', [set, HOLE])).toBe(0);
  expect(machine.registers(1).read(register)).toBe(BigInt(HOLE));
  expect(machine.call('arch_prctl', [get, BUFFER])).toBe(0);
  expect(machine.memory.readU64(BUFFER)).toBe(BigInt(HOLE));
  expect(machine.call('arch_prctl', [set, 2n ** 63n])).toBe(-ERRNO.EPERM);
  expect(machine.registers(1).read(register)).toBe(BigInt(HOLE));
});
