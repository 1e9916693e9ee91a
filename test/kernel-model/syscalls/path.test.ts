import { describe, expect, test } from 'vitest';
import { HOLE, READ_WRITE, TestMachine } from '../harness.ts';

const BUFFER = READ_WRITE + 0x800;
const ENOENT = -2;
const EFAULT = -14;
const EINVAL = -22;

function readlink(path: string, sizeBytes: number): number {
  const machine = new TestMachine();
  expect(machine.memory.write(READ_WRITE, new TextEncoder().encode(`${path}\0`))).toBe(true);
  return machine.call('readlink', [READ_WRITE, BUFFER, sizeBytes]);
}

describe('readlink', () => {
  test.each([
    ['/proc/self/exe', 4096, ENOENT],
    ['', 4096, ENOENT],
    ['file', 1, ENOENT],
    ['/', 4096, EINVAL],
    ['/..', 4096, EINVAL],
    ['/proc/self/exe', 0, EINVAL],
    ['/proc/self/exe', -1, EINVAL],
  ])('of %j into %i bytes gives %i', (path, sizeBytes, result) => {
    expect(readlink(path, sizeBytes)).toBe(result);
  });

  test('of what is no string is EFAULT, but the size is looked at first', () => {
    expect(new TestMachine().call('readlink', [HOLE, BUFFER, 8])).toBe(EFAULT);
    expect(new TestMachine().call('readlink', [HOLE, BUFFER, 0])).toBe(EINVAL);
  });
});
