import { describe, expect, test } from 'vitest';
import { syscallName } from '../../../kernel-model/abi/syscall-numbers.ts';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import { lookupSyscall } from '../../../kernel-model/syscalls/lookup.ts';
import { SYSCALLS } from '../../../kernel-model/syscalls/table.ts';
import { TestMachine } from '../harness.ts';

const ENOSYS = -38;
const CLONE3 = 435;

describe('the table', () => {
  const lines = Object.entries(SYSCALLS).map(([number, entry]) => ({ number: +number, entry }));

  test.each(lines)('has $entry.name at its number', ({ number, entry }) => {
    expect(syscallName(number)).toBe(entry.name);
    expect(lookupSyscall(LINUX_6_18, number)).toEqual({ kind: 'modelled', entry });
  });

  test.each(lines)('says what is left out of $entry.name where it is partial', ({ entry }) => {
    if (entry.support === 'partial') expect(entry.note).not.toBe('');
    expect(entry.parameters.length).toBeLessThanOrEqual(6);
  });
});

describe('a number', () => {
  test.each([
    [0, 'read'],
    [22, 'pipe'],
    [59, 'execve'],
    [335, 'uretprobe'],
    [424, 'pidfd_send_signal'],
    [451, 'cachestat'],
    [467, 'open_tree_attr'],
  ])('%i is %s, which the model lacks', (number, name) => {
    expect(lookupSyscall(LINUX_6_18, number)).toEqual({ kind: 'unmodelled', name });
    const { kind, ...rest } = new TestMachine().syscall(1, number);
    expect(kind).toBe('unsupported');
    expect(Object.values(rest).join()).toContain(name);
  });

  test.each([-1, 174, 185, 205, 236, 337, 423, 470, 471, 512, 547, 0x4000_0000])(
    '%i is none of the kernel: ENOSYS',
    (number) => {
      expect(lookupSyscall(LINUX_6_18, number)).toEqual({ kind: 'unknown' });
      expect(new TestMachine().call(number)).toBe(ENOSYS);
    },
  );

  test('beyond the last of an older profile is unknown there', () => {
    const older = { ...LINUX_6_18, lastSyscall: CLONE3 - 1 };
    expect(lookupSyscall(older, CLONE3)).toEqual({ kind: 'unknown' });
    expect(lookupSyscall(LINUX_6_18, CLONE3)).toMatchObject({ kind: 'modelled' });
  });

  test('that the rseq variant brings comes from there', () => {
    const without = { ...LINUX_6_18, rseq: { ...LINUX_6_18.rseq, syscalls: {} } };
    expect(lookupSyscall(LINUX_6_18, 334)).toMatchObject({ entry: { name: 'rseq' } });
    expect(lookupSyscall(without, 334)).toEqual({ kind: 'unmodelled', name: 'rseq' });
  });
});
