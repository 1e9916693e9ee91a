import { describe, expect, test } from 'vitest';
import { RSEQ_AREA, RSEQ_SLICE_CTRL } from '../../../kernel-model/abi/rseq.ts';
import { PROT_NONE, PROT_READ } from '../../../kernel-model/mm/mapping.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { HOLE, READ_WRITE, TestMachine } from '../harness.ts';

const SIGNATURE = 0x5305_3053;
const AREA = READ_WRITE;
const OTHER = 4;
const UNREGISTER = 1;
const SLICE_DEFAULT_ON = 2;
const POISON = 0xdead_beef;
const UNINITIALIZED = 0xffff_ffff;
const [EPERM, EFAULT, EBUSY, EINVAL] = [-1, -14, -16, -22];

function makeMachine(kernel: string): TestMachine {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  return new TestMachine({ profile, vcpus: 2 });
}

/** What rseq(2) returns, or that it killed the thread. */
function rseq(
  machine: TestMachine,
  [pointer, lengthBytes, flags]: readonly [number, number, number],
  signature = SIGNATURE,
): number | 'killed' {
  machine.syscall(1, 'rseq', [pointer, lengthBytes, flags, signature]);
  return machine.task(1).state.kind === 'dead' ? 'killed' : machine.result(1);
}

const KERNELS = ['4.18', '5.5', '6.0', '6.3', '6.15', '6.18', '6.19', '7.0', '7.1'] as const;

/**
 * A registration of a new thread, by kernel in the order of KERNELS: rows 1 to 7' of the checks that
 * SYSCALL_DEFINE4(rseq) makes (kernel/rseq.c of 4.19, 0190e4198e47, 1260ed777985, c54ffa7496b9).
 */
const REGISTRATIONS: readonly (readonly [
  what: string,
  args: readonly [number, number, number],
  results: readonly (number | 'killed')[],
])[] = [
  ['32 bytes', [AREA, 32, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['31 bytes', [AREA, 31, 0], KERNELS.map(() => EINVAL)],
  ['28 bytes, the feature size', [AREA, 28, 0], KERNELS.map(() => EINVAL)],
  ['32 bytes, aligned to 16', [AREA + 16, 32, 0], KERNELS.map(() => EINVAL)],
  ['33 bytes', [AREA, 33, 0], [EINVAL, EINVAL, EINVAL, 0, 0, 0, 0, 0, 0]],
  ['64 bytes', [AREA, 64, 0], [EINVAL, EINVAL, EINVAL, 0, 0, 0, 0, 0, 0]],
  [
    '64 bytes, aligned to 32',
    [AREA + 32, 64, 0],
    [EINVAL, EINVAL, EINVAL, 0, 0, 0, 0, EINVAL, EINVAL],
  ],
  ['32 bytes, aligned to 32', [AREA + 32, 32, 0], KERNELS.map(() => 0)],
  ['an unknown flag', [AREA, 32, OTHER], KERNELS.map(() => EINVAL)],
  [
    'flag 2',
    [AREA, 32, SLICE_DEFAULT_ON],
    [EINVAL, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL, 0, 0],
  ],
  ['a null area', [0, 32, 0], [0, 0, 0, 0, EFAULT, EFAULT, EFAULT, EFAULT, EFAULT]],
  ['the probe of libraries', [0, 0, 0], KERNELS.map(() => EINVAL)],
  [
    'an area that is not mapped',
    [HOLE, 32, 0],
    ['killed', 'killed', 'killed', 'killed', EFAULT, EFAULT, EFAULT, EFAULT, EFAULT],
  ],
];

describe.each(KERNELS.map((kernel, index) => ({ kernel, index })))('under $kernel', (each) => {
  const { kernel, index } = each;

  test.each(REGISTRATIONS)('registering with %s', (_, args, results) => {
    expect(rseq(makeMachine(kernel), args)).toBe(results[index]);
  });

  test('registering again is EBUSY, EPERM or EINVAL', () => {
    const machine = makeMachine(kernel);
    rseq(machine, [AREA, 32, 0]);
    expect(rseq(machine, [AREA, 32, 0])).toBe(EBUSY);
    expect(rseq(machine, [AREA, 32, 0], 1)).toBe(EPERM);
    expect(rseq(machine, [AREA, 64, 0])).toBe(EINVAL);
    expect(rseq(machine, [AREA + 64, 32, 0])).toBe(EINVAL);
  });

  test('a null area that was taken leaves the thread unregistered', () => {
    const machine = makeMachine(kernel);
    rseq(machine, [0, 32, 0]);
    expect(machine.task(1).rseq).toBeUndefined();
    expect(rseq(machine, [AREA, 32, 0])).toBe(0);
  });

  test('unregistering checks area, length and signature, in this order', () => {
    const machine = makeMachine(kernel);
    expect(rseq(machine, [AREA, 32, UNREGISTER])).toBe(EINVAL);
    rseq(machine, [AREA, 32, 0]);
    expect(rseq(machine, [AREA + 64, 32, UNREGISTER])).toBe(EINVAL);
    expect(rseq(machine, [AREA, 64, UNREGISTER], 1)).toBe(EINVAL);
    expect(rseq(machine, [AREA, 32, UNREGISTER], 1)).toBe(EPERM);
    expect(rseq(machine, [AREA, 32, UNREGISTER])).toBe(0);
  });

  test('unregistering with another flag is EINVAL since 5.5', () => {
    const machine = makeMachine(kernel);
    rseq(machine, [AREA, 32, 0]);
    expect(rseq(machine, [AREA, 32, UNREGISTER | OTHER])).toBe(kernel === '4.18' ? 0 : EINVAL);
  });

  test('unregistering an area that cannot be written is EFAULT, since 6.19 with SIGSEGV', () => {
    const machine = makeMachine(kernel);
    rseq(machine, [AREA, 32, 0]);
    machine.space.protect(AREA, AREA + 4096, PROT_READ);
    const isRewritten = index >= KERNELS.indexOf('6.19');
    expect(rseq(machine, [AREA, 32, UNREGISTER])).toBe(isRewritten ? 'killed' : EFAULT);
    if (!isRewritten) expect(machine.task(1).rseq).toBeDefined();
  });
});

const FIELDS = [
  RSEQ_AREA.cpuIdStart,
  RSEQ_AREA.cpuId,
  RSEQ_AREA.rseqCs,
  RSEQ_AREA.flags,
  RSEQ_AREA.nodeId,
  RSEQ_AREA.mmCid,
  RSEQ_SLICE_CTRL,
];
const P = POISON;

/**
 * cpu_id_start, cpu_id, the low half of rseq_cs, flags, node_id, mm_cid and slice_ctrl, all poisoned
 * before: after registering, and after unregistering with all but rseq_cs poisoned again. rseq_register
 * and rseq_reset_ids of c54ffa7496b9 and their forerunners; for cpu_id_start 6.19, D. Vyukov's report.
 */
const WRITES: readonly (readonly [
  kernel: string,
  lengthBytes: number,
  after: number[],
  undone: number[],
])[] = [
  ['6.3', 32, [0, 0, P, P, 0, 0, P], [0, UNINITIALIZED, P, P, 0, 0, P]],
  ['6.18', 32, [0, 0, 0, P, 0, 0, P], [0, UNINITIALIZED, 0, P, 0, 0, P]],
  ['6.18', 64, [0, 0, 0, P, 0, 0, P], [0, UNINITIALIZED, 0, P, 0, 0, P]],
  ['6.19', 32, [0, 0, 0, P, 0, 0, P], [UNINITIALIZED, UNINITIALIZED, 0, P, 0, 0, P]],
  ['7.0', 32, [0, 0, 0, 0x10, 0, 0, 0], [UNINITIALIZED, UNINITIALIZED, 0, P, 0, 0, P]],
  ['7.1', 32, [0, 0, 0, 0, 0, 0, P], [0, UNINITIALIZED, 0, P, 0, 0, P]],
  ['7.1', 64, [0, 0, 0, 0x10, 0, 0, 0], [0, UNINITIALIZED, 0, P, 0, 0, P]],
];

describe('what is written', () => {
  const poison = (machine: TestMachine, fields: readonly number[]) => {
    for (const field of fields) machine.memory.writeU32(AREA + field, POISON);
  };
  const fieldsOf = ({ memory }: TestMachine) => FIELDS.map((field) => memory.readU32(AREA + field));

  test.each(WRITES)('under %s with %i bytes', (kernel, lengthBytes, after, undone) => {
    const machine = makeMachine(kernel);
    poison(machine, FIELDS);
    // A stale rseq_cs that earlier kernels would follow on the way back to user mode.
    if (kernel === '6.3') machine.memory.writeU64(AREA + RSEQ_AREA.rseqCs, 0n);
    expect(rseq(machine, [AREA, lengthBytes, 0])).toBe(0);
    const expected = kernel === '6.3' ? after.map((word, i) => (i === 2 ? 0 : word)) : after;
    expect(fieldsOf(machine)).toEqual(expected);
    const others = FIELDS.filter((field) => field !== RSEQ_AREA.rseqCs);
    poison(machine, others);
    // Version 2 and the debug option compare ids when they write them, not when they are reset.
    expect(rseq(machine, [AREA, lengthBytes, UNREGISTER])).toBe(0);
    const left = kernel === '6.3' ? undone.map((word, i) => (i === 2 ? 0 : word)) : undone;
    expect(fieldsOf(machine)).toEqual(left);
  });

  test.each([
    ['6.3', 'killed'],
    ['6.15', 0],
    ['7.1', 0],
  ])('under %s a stale rseq_cs ends in %s', (kernel, result) => {
    const machine = makeMachine(kernel);
    machine.memory.writeU64(AREA + RSEQ_AREA.rseqCs, 0x8000n);
    expect(rseq(machine, [AREA, 32, 0])).toBe(result);
  });

  test('before 6.3 node_id and mm_cid are never written', () => {
    const machine = makeMachine('6.2');
    poison(machine, [RSEQ_AREA.nodeId, RSEQ_AREA.mmCid]);
    rseq(machine, [AREA, 32, 0]);
    machine.kernel.switchTo(0, 1);
    expect(fieldsOf(machine)).toEqual([0, 0, 0, 0, P, P, 0]);
    rseq(machine, [AREA, 32, UNREGISTER]);
    expect(fieldsOf(machine)).toEqual([0, UNINITIALIZED, 0, 0, P, P, 0]);
  });

  test('since 6.19 an area that cannot be written is EFAULT, before SIGSEGV on the way back', () => {
    for (const [kernel, result] of [
      ['6.18', 'killed'],
      ['6.19', EFAULT],
    ] as const) {
      const machine = makeMachine(kernel);
      machine.space.protect(AREA, AREA + 4096, PROT_READ);
      expect(rseq(machine, [AREA, 32, 0])).toBe(result);
    }
  });

  test('an area that is not accessible is EFAULT since 6.15', () => {
    const machine = makeMachine('6.15');
    machine.space.protect(AREA, AREA + 4096, PROT_NONE);
    expect(rseq(machine, [AREA, 32, 0])).toBe(EFAULT);
  });
});

describe('the auxiliary vector', () => {
  test.each([
    ['4.18', undefined],
    ['6.2', undefined],
    ['6.3', { featureSizeBytes: 28, alignBytes: 32 }],
    ['6.19', { featureSizeBytes: 28, alignBytes: 32 }],
    ['7.0', { featureSizeBytes: 33, alignBytes: 64 }],
    ['7.1', { featureSizeBytes: 33, alignBytes: 64 }],
  ])('of %s has %o', (kernel, auxv) => {
    expect(makeMachine(kernel).kernel.profile.rseq.auxv).toEqual(auxv);
  });
});
