import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseVersion } from '../../../kernel-model/abi/linux-version.ts';
import { syscallName } from '../../../kernel-model/abi/syscall-numbers.ts';
import { SYSCALL_RELEASES, syscallsOf } from '../../../kernel-model/abi/syscall-versions.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { projectRoot } from '../../support/project.ts';
import { TestMachine } from '../harness.ts';

const [ENOSYS, EINVAL, EPERM, E2BIG] = [-38, -22, -1, -7];

function makeMachine(kernel: string): TestMachine {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  return new TestMachine({ profile });
}

/** The release that added each, by the history of arch/x86/entry/syscalls/syscall_64.tbl. */
const ADDED: readonly (readonly [name: string, before: string, since: string])[] = [
  ['pidfd_send_signal', '5.0', '5.1'],
  ['io_uring_register', '5.0', '5.1'],
  ['fspick', '5.1', '5.2'],
  ['clone3', '5.2', '5.3'],
  ['openat2', '5.5', '5.6'],
  ['close_range', '5.8', '5.9'],
  ['faccessat2', '5.7', '5.8'],
  ['process_madvise', '5.9', '5.10'],
  ['landlock_restrict_self', '5.12', '5.13'],
  ['memfd_secret', '5.13', '5.14'],
  ['process_mrelease', '5.14', '5.15'],
  ['futex_waitv', '5.15', '5.16'],
  ['set_mempolicy_home_node', '5.16', '5.17'],
  ['cachestat', '6.4', '6.5'],
  ['map_shadow_stack', '6.5', '6.6'],
  ['futex_requeue', '6.6', '6.7'],
  ['lsm_list_modules', '6.7', '6.8'],
  ['mseal', '6.9', '6.10'],
  ['uretprobe', '6.10', '6.11'],
  ['removexattrat', '6.12', '6.13'],
  ['open_tree_attr', '6.14', '6.15'],
  ['file_setattr', '6.16', '6.17'],
  ['listns', '6.18', '6.19'],
  ['rseq_slice_yield', '6.19', '7.0'],
];

function isKnown(name: string, release: string): boolean {
  const version = parseVersion(release);
  if (version === undefined) throw new Error(release);
  const { last, absent } = syscallsOf(version);
  const number =
    Array.from({ length: 480 }, (_, i) => i).find((i) => syscallName(i) === name) ?? -1;
  return number >= 0 && number <= last && !absent.has(number);
}

test('the documentation has the same releases and numbers, each with a source', async () => {
  const page = await readFile(join(projectRoot, 'docs/abi/mainline.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\d\.\d+) \| ([\d, ]+) \| (.+) \|$/gm)];
  const documented = rows.map(([, release, numbers]) => [
    release,
    numbers?.split(', ').map(Number),
  ]);
  expect(documented).toEqual([...SYSCALL_RELEASES]);
  for (const [, , , source = ''] of rows) expect(source.length).toBeGreaterThan(5);
});

describe('the system call', () => {
  test.each(ADDED)('%s is unknown to %s, known to %s', (name, before, since) => {
    expect([isKnown(name, before), isKnown(name, since)]).toEqual([false, true]);
    expect(isKnown(name, '7.1')).toBe(true);
  });

  test.each(['rseq', 'io_pgetevents', 'membarrier', 'statx'])('%s is known to 4.18', (name) => {
    expect(isKnown(name, '4.18')).toBe(true);
  });

  test('clone3 is ENOSYS before 5.3, as is what lies below the last number and came later', () => {
    expect(makeMachine('5.2').call('clone3', [0, 0])).toBe(ENOSYS);
    expect(makeMachine('5.3').call('clone3', [0, 0])).toBe(EINVAL);
    expect(makeMachine('5.8').call(436)).toBe(ENOSYS);
    expect(makeMachine('5.9').syscall(1, 436).kind).toBe('unsupported');
  });

  test('file_getattr refuses wrong arguments, from 6.17 on', () => {
    expect(makeMachine('6.16').call('file_getattr', [0, 0, 0, 24, 1])).toBe(ENOSYS);
    const machine = makeMachine('6.17');
    expect(machine.call('file_getattr', [0, 0, 0, 24, 1])).toBe(EINVAL);
    expect(machine.call('file_getattr', [0, 0, 0, 23, 0])).toBe(EINVAL);
    expect(machine.call('file_setattr', [0, 0, 0, 4097, 0x100])).toBe(E2BIG);
    expect(machine.syscall(1, 'file_getattr', [0, 0, 0, 24, 0]).kind).toBe('unsupported');
  });

  test('prctl refuses options that no kernel has, and says which it lacks', () => {
    const machine = makeMachine('6.18');
    for (const option of [0, 17, 79, 80, -1]) expect(machine.call('prctl', [option])).toBe(EINVAL);
    expect(machine.syscall(1, 'prctl', [15])).toMatchObject({ kind: 'unsupported' });
  });
});

describe('membarrier', () => {
  test.each([
    ['4.18', 0b1_111_111],
    ['5.9', 0b1_111_111],
    ['5.10', 0b111_111_111],
    ['6.2', 0b111_111_111],
    ['6.3', 1023],
    ['7.1', 1023],
  ])('of %s tells its commands (QUERY)', (kernel, commands) => {
    expect(makeMachine(kernel).call('membarrier', [0])).toBe(commands);
  });

  test('knows its rseq commands and the CPU flag since 5.10', () => {
    const [old, recent] = [makeMachine('5.9'), makeMachine('5.10')];
    expect(old.call('membarrier', [256])).toBe(EINVAL);
    expect(old.call('membarrier', [128, 1, 0])).toBe(EINVAL);
    expect(recent.call('membarrier', [128, 1, 0])).toBe(EPERM);
    expect(recent.call('membarrier', [256])).toBe(0);
    expect(recent.call('membarrier', [128, 1, 0])).toBe(0);
  });

  test('tells its registrations since 6.3', () => {
    expect(makeMachine('6.2').call('membarrier', [512])).toBe(EINVAL);
    expect(makeMachine('6.3').call('membarrier', [512])).toBe(0);
  });
});
