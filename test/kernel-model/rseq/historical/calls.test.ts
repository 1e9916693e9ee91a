import { describe, expect, test } from 'vitest';
import { TASK_SIZE } from '../../../../kernel-model/hardware/address.ts';
import { PROFILES, type ProfileName } from '../../../../kernel-model/rseq/registry.ts';
import { HOLE, NO_ACCESS, READ_WRITE, TestMachine } from '../../harness.ts';

const [EPERM, ENOENT, EFAULT, EBUSY, EINVAL, ENOSYS] = [-1, -2, -14, -16, -22, -38];
const SYS_RSEQ_TODAY = 334;
const SYS_CLONE3 = 435;
const AREA = READ_WRITE;
const OTHER = READ_WRITE + 0x100;
const [CODE, CODE_END, RESTART] = [0x50_0000, 0x50_0040, 0x50_0100];
const UNREGISTER = 1;
const SIGNATURE = 0x5305_3053;

/** Arguments of a call, and what it returns. */
type Call = readonly [args: readonly (number | bigint)[], result: number];

interface Row {
  /** Row of the fact sheet: docs/abi/historical.md has it in our words. */
  readonly source: string;
  readonly calls: readonly Call[];
}

const turnerV1: readonly Row[] = [
  { source: 'another op is EINVAL [V1k]', calls: [[[2, 0, 0, 0, 0], EINVAL]] },
  {
    source: 'an empty range is EINVAL [V1k]',
    calls: [
      [[0, 0, CODE, CODE, RESTART], EINVAL],
      [[0, 0, CODE_END, CODE, RESTART], EINVAL],
    ],
  },
  {
    source: 'a range that is not user memory is EINVAL [V1k]',
    calls: [[[0, 0, CODE, TASK_SIZE, RESTART], EINVAL]],
  },
  {
    source: 'an overlap is EBUSY, flags are not looked at [V1k]',
    calls: [
      [[0, 0xffff, CODE, CODE_END, RESTART], 0],
      [[0, 0, CODE_END - 1, CODE_END + 8, RESTART], EBUSY],
      [[0, 0, CODE - 8, CODE + 1, RESTART], EBUSY],
      [[0, 0, CODE_END, CODE_END + 8, RESTART], 0],
      [[0, 0, CODE - 8, CODE, RESTART], 0],
    ],
  },
  { source: 'restart may lie inside [V1k]', calls: [[[0, 0, CODE, CODE_END, CODE + 8], 0]] },
  {
    source: 'no range once the leader has its word; NULL disables [V1k]',
    calls: [
      [[1, 0, AREA], 0],
      [[0, 0, CODE, CODE_END, RESTART], EBUSY],
      [[1, 0, 0], 0],
      [[0, 0, CODE, CODE_END, RESTART], 0],
    ],
  },
  {
    source: 'a word that is not user memory is EINVAL [V1k]',
    calls: [[[1, 0, TASK_SIZE], EINVAL]],
  },
];

const getcpuCache: readonly Row[] = [
  { source: 'flags are EINVAL [GCC]', calls: [[[1, AREA, 1], EINVAL]] },
  { source: 'another command is EINVAL [GCC]', calls: [[[2, AREA, 0], EINVAL]] },
  { source: 'GET unregistered is ENOENT [GCC]', calls: [[[0, AREA, 0], ENOENT]] },
  { source: 'SET of NULL is EINVAL [GCC]', calls: [[[1, AREA + 0x20, 0], EINVAL]] },
  { source: 'SET of a misaligned word is EINVAL [GCC]', calls: [[[1, AREA + 0x28, 0], EINVAL]] },
  { source: 'SET of an unwritable word is EFAULT [GCC]', calls: [[[1, AREA + 0x30, 0], EFAULT]] },
  { source: 'an unreadable pointer is EFAULT [GCC]', calls: [[[1, HOLE, 0], EFAULT]] },
  {
    source: 'the same word again is 0, another EBUSY [GCC]',
    calls: [
      [[1, AREA, 0], 0],
      [[1, AREA, 0], 0],
      [[1, AREA + 8, 0], EBUSY],
      [[0, AREA + 0x40, 0], 0],
      [[0, HOLE, 0], EFAULT],
    ],
  },
];

const threadLocalAbi: readonly Row[] = [
  { source: 'flags and nr other than 0 are EINVAL [TLA]', calls: [[[0, AREA, 1, 1], EINVAL]] },
  { source: 'nr other than 0 is EINVAL [TLA]', calls: [[[1, AREA, 1, 0], EINVAL]] },
  { source: 'an unknown feature is EINVAL [TLA]', calls: [[[0, AREA, 2, 0], EINVAL]] },
  { source: 'NULL while unregistered is ENOENT [TLA]', calls: [[[0, 0, 1, 0], ENOENT]] },
  { source: 'a misaligned area is EINVAL [TLA]', calls: [[[0, AREA + 32, 1, 0], EINVAL]] },
  {
    source: 'a bad range or a fault is EFAULT [TLA]',
    calls: [
      [[0, BigInt(TASK_SIZE), 1, 0], EFAULT],
      [[0, NO_ACCESS, 1, 0], EFAULT],
    ],
  },
  {
    source: 'the same area again is 0, another EBUSY [TLA]',
    calls: [
      [[0, AREA, 0, 0], 0],
      [[0, AREA, 1, 0], 0],
      [[0, OTHER, 1, 0], EBUSY],
    ],
  },
];

/** rseq(ptr, flags) of 2016, which the profiles without a source follow. */
const registeredForGood: readonly Row[] = [
  { source: 'flags are EINVAL [R16a]', calls: [[[AREA, 1], EINVAL]] },
  { source: 'NULL asks: ENOENT [R16a]', calls: [[[0, 0], ENOENT]] },
  { source: 'a misaligned area is EINVAL [R16a]', calls: [[[AREA + 4, 0], EINVAL]] },
  { source: 'out of range is EFAULT [R16a]', calls: [[[TASK_SIZE - 8, 0], EFAULT]] },
  {
    source: 'NULL asks: 0; the same area again is 0, another EBUSY [R16a]',
    calls: [
      [[AREA, 0], 0],
      [[0, 0], 0],
      [[AREA, 0], 0],
      [[OTHER, 0], EBUSY],
      [[OTHER + 4, 0], EBUSY],
    ],
  },
];

const rfc2017: readonly Row[] = [
  {
    source: 'a length other than 32 and a misaligned area are EINVAL [R17]',
    calls: [
      [[AREA, 33, 0, SIGNATURE], EINVAL],
      [[AREA + 8, 32, 0, SIGNATURE], EINVAL],
    ],
  },
  { source: 'out of range is EFAULT [R17]', calls: [[[TASK_SIZE, 32, 0, 0], EFAULT]] },
  { source: 'an unmapped area is registered [R17]', calls: [[[READ_WRITE + 0x200, 32, 0, 0], 0]] },
  {
    source: 'a null area is taken, and registers nothing [R17]',
    calls: [
      [[0, 32, 0, SIGNATURE], 0],
      [[0, 32, 0, SIGNATURE], 0],
      [[0, 32, UNREGISTER, SIGNATURE], EINVAL],
      [[AREA, 32, 0, SIGNATURE], 0],
      [[0, 32, 0, SIGNATURE], EINVAL],
    ],
  },
  { source: 'flags to register with are EINVAL [R17]', calls: [[[AREA, 32, 2, 0], EINVAL]] },
  {
    source: 'again: EBUSY; another signature EPERM; another area EINVAL [R17]',
    calls: [
      [[AREA, 32, 0, SIGNATURE], 0],
      [[AREA, 32, 0, SIGNATURE], EBUSY],
      [[AREA, 32, 0, 1], EPERM],
      [[OTHER, 32, 0, SIGNATURE], EINVAL],
    ],
  },
  {
    source: 'UNREGISTER takes stray flags [R17]',
    calls: [
      [[AREA, 32, 0, SIGNATURE], 0],
      [[AREA, 32, UNREGISTER, 1], EPERM],
      [[OTHER, 32, UNREGISTER, SIGNATURE], EINVAL],
      [[AREA, 32, UNREGISTER | 0x40, SIGNATURE], 0],
      [[AREA, 32, UNREGISTER, SIGNATURE], EINVAL],
    ],
  },
];

const CALLS = [
  ['turner-v1', 323, turnerV1],
  ['turner-v2', 325, registeredForGood],
  ['getcpu-cache', 327, getcpuCache],
  ['thread-local-abi', 329, threadLocalAbi],
  ['lutomirski-2016', 329, registeredForGood],
  ['desnoyers-2016a', 329, registeredForGood],
  ['desnoyers-2016b', 332, registeredForGood],
  ['rfc-2017', 333, rfc2017],
] as const satisfies readonly (readonly [ProfileName, number, readonly Row[]])[];

/** A machine whose memory has the pointers that getcpu_cache takes. */
function machineOf(name: ProfileName): TestMachine {
  const machine = new TestMachine({ profile: PROFILES[name] });
  if (name !== 'getcpu-cache') return machine;
  const pointers = [AREA + 0x40, 0, AREA + 0x42, NO_ACCESS];
  [0, 0x20, 0x28, 0x30].forEach((offset, i) => {
    machine.memory.writeU64(AREA + offset, BigInt(pointers[i] ?? 0));
  });
  machine.memory.writeU64(AREA + 8, BigInt(OTHER));
  return machine;
}

describe.each(CALLS)('%s, system call %i', (name, number, rows) => {
  test.each(rows.map((row) => [row.source, row.calls] as const))('%s', (_, calls) => {
    const machine = machineOf(name);
    expect(calls.map(([args]) => machine.call(number, args))).toEqual(
      calls.map(([, result]) => result),
    );
  });

  test('knows neither rseq of today nor later calls', () => {
    const machine = machineOf(name);
    expect(machine.call(SYS_RSEQ_TODAY, [AREA, 32, 0, SIGNATURE])).toBe(ENOSYS);
    expect(machine.call(SYS_CLONE3, [AREA, 88])).toBe(ENOSYS);
    expect(machine.call(number + 1)).toBe(ENOSYS);
  });
});

test('a thread that registers before its leader is told 0 and is not registered [V1k]', () => {
  const machine = machineOf('turner-v1');
  const thread = machine.startThread(1);
  expect(machine.call(323, [1, 0, AREA], thread)).toBe(0);
  expect(machine.task(thread).rseq).toBeUndefined();
  machine.call(323, [1, 0, OTHER], 1);
  expect(machine.call(323, [1, 0, AREA], thread)).toBe(0);
  expect(machine.task(thread).rseq?.address).toBe(AREA);
});

test('a feature of thread_local_abi stays asked for [TLA]', () => {
  const machine = machineOf('thread-local-abi');
  const features = () => machine.memory.readU32(AREA);
  machine.call(329, [0, AREA, 1, 0]);
  machine.call(329, [0, AREA, 0, 0]);
  expect(features()).toBe(1);
});
