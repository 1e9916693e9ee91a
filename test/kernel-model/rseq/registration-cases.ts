import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { PAGE_SIZE, TASK_SIZE, TASK_SIZE_WORD } from '../../../kernel-model/hardware/address.ts';
import { CODE, DATA, HOLE, NO_ACCESS, READ_ONLY, TOP } from './arena.ts';
import { type Step, SYS_MPROTECT, SYS_RSEQ } from './script.ts';
import { AREA, SIGNATURE } from './section-case.ts';

const EPERM = -1;
const EFAULT = -14;
const EBUSY = -16;
const EINVAL = -22;
const UNREGISTER = 1;
const POISON = 0xdead_beef;
const PROT_READ = 1;
const SEGFAULT = 'signal 11 128 0';
const OUTSIDE = BigInt(CODE + 0x40);

/** Steps, with what each that prints something must print. */
export type Script = readonly (readonly [step: Step, expected: number | string | undefined])[];

type ScriptStep = Script[number];

function rseq(
  pointer: number | bigint,
  lengthBytes: number,
  flags: number,
  signature: number,
  expected: number | string,
): ScriptStep {
  const args = [pointer, lengthBytes, flags, signature];
  return [{ kind: 'call', number: SYS_RSEQ, args }, expected];
}

function register(expected: number | string = 0, pointer: number | bigint = AREA): ScriptStep {
  return rseq(pointer, 32, 0, SIGNATURE, expected);
}

function unregister(expected: number | string = 0, pointer: number | bigint = AREA): ScriptStep {
  return rseq(pointer, 32, UNREGISTER, SIGNATURE, expected);
}

function poke4(address: number, value: number): ScriptStep {
  return [{ kind: 'poke4', address, value }, undefined];
}

function peek4(address: number, expected: number): ScriptStep {
  return [{ kind: 'peek4', address }, expected === 0 ? '0' : `0x${expected.toString(16)}`];
}

function protect(address: number, protection: number): ScriptStep {
  const args = [address, PAGE_SIZE, protection];
  return [{ kind: 'call', number: SYS_MPROTECT, args }, 0];
}

/** A reschedule outside of any section, and where it ends. */
function resume(expected: string): ScriptStep {
  return [{ kind: 'resume', address: OUTSIDE }, expected];
}

/** Lets the call before it return: the judge stops its child before the kernel's last work. */
const settled = resume(`0x${OUTSIDE.toString(16)}`);

const FIELDS = [
  RSEQ_AREA.cpuIdStart,
  RSEQ_AREA.cpuId,
  RSEQ_AREA.rseqCs,
  RSEQ_AREA.rseqCs + 4,
  RSEQ_AREA.flags,
  RSEQ_AREA.nodeId,
  RSEQ_AREA.mmCid,
  RSEQ_AREA.end,
] as const;

function poison(area: number): Script {
  return FIELDS.map((field) => poke4(area + field, POISON));
}

/** The area's fields in their order, `POISON` where the kernel did not write. */
function expectFields(area: number, values: readonly number[]): Script {
  return FIELDS.map((field, i) => peek4(area + field, values[i] ?? 0));
}

const REGISTERED = [0, 0, 0, 0, POISON, 0, 0, POISON];
const UNREGISTERED = [0, 0xffff_ffff, 0, 0, POISON, 0, 0, POISON];

const LENGTHS = [32, 33, 36, 63, 64, 4096, 2 ** 20, 2 ** 31, 2 ** 32 - 1];
const SHORT = [0, 1, 16, 20, 24, 28, 31];
const MISALIGNED = [1, 2, 4, 8, 16, 31];
const BAD_FLAGS = [2, 3, 4, 16, -1, 1 << 31];
const OUT_OF_REACH: readonly (number | bigint)[] = [
  0,
  HOLE,
  NO_ACCESS,
  TASK_SIZE - 32,
  TASK_SIZE,
  TASK_SIZE + 32,
  2n ** 47n,
  2n ** 63n,
  0xffff_ffff_8000_0000n,
  2n ** 64n - 32n,
];

/** Lengths, as the kernel takes and compares them. */
const lengthScripts: [string, Script][] = [
  ['a length from 32 up must be repeated', LENGTHS.flatMap(registerWithLength)],
  [
    'a length below 32 is EINVAL, wherever the area is',
    SHORT.flatMap((length) =>
      [AREA, AREA + 4, 0, HOLE, 2n ** 63n].map((at) => rseq(at, length, 0, SIGNATURE, EINVAL)),
    ),
  ],
  [
    'an area not aligned to 32 is EINVAL',
    MISALIGNED.flatMap((offset) =>
      [32, 33, 64].map((length) => rseq(AREA + offset, length, 0, SIGNATURE, EINVAL)),
    ),
  ],
];

function registerWithLength(length: number): Script {
  return [
    rseq(AREA, length, 0, SIGNATURE, 0),
    rseq(AREA, 32 + (length === 32 ? 1 : 0), 1, SIGNATURE, EINVAL),
    rseq(AREA, length, 1, SIGNATURE, 0),
  ];
}

const addressScripts: [string, Script][] = [
  [
    'an area out of reach is EFAULT, or EINVAL if it is too short',
    OUT_OF_REACH.flatMap((pointer) => [
      rseq(pointer, 32, 0, SIGNATURE, pointer === TASK_SIZE - 32 ? 0 : EFAULT),
      ...(pointer === TASK_SIZE - 32 ? [unregister(0, pointer)] : []),
      rseq(pointer, 28, 0, SIGNATURE, EINVAL),
    ]),
  ],
  [
    'an area that is too long to end in user memory is EFAULT',
    [
      rseq(TOP, PAGE_SIZE + 32, 0, SIGNATURE, EFAULT),
      rseq(TASK_SIZE - 64, 65, 0, SIGNATURE, EFAULT),
      rseq(TASK_SIZE_WORD - 2n ** 32n, 2 ** 32 - 1, 0, SIGNATURE, EFAULT),
    ],
  ],
  [
    'an area that cannot be written is EFAULT if it holds a stale rseq_cs',
    [
      poke4(READ_ONLY + RSEQ_AREA.rseqCs, 1),
      register(EFAULT, READ_ONLY),
      poke4(READ_ONLY + RSEQ_AREA.rseqCs, 0),
    ],
  ],
];

const repeatScripts: [string, Script][] = [
  [
    'registering again is EBUSY, EPERM or EINVAL, in this order of what is asked',
    [
      register(),
      register(EBUSY),
      rseq(AREA, 32, 0, SIGNATURE + 1, EPERM),
      rseq(AREA, 33, 0, SIGNATURE, EINVAL),
      rseq(AREA, 33, 0, SIGNATURE + 1, EINVAL),
      rseq(AREA + 64, 32, 0, SIGNATURE, EINVAL),
      rseq(AREA + 4, 32, 0, SIGNATURE, EINVAL),
      rseq(0, 0, 0, 0, EINVAL),
      rseq(HOLE, 32, 0, SIGNATURE, EINVAL),
      unregister(),
    ],
  ],
  [
    'unregistering needs the same area, length and signature, checked in this order',
    [
      unregister(EINVAL),
      rseq(0, 0, 1, 0, EINVAL),
      register(),
      unregister(EINVAL, AREA + 64),
      rseq(AREA, 64, 1, SIGNATURE, EINVAL),
      rseq(AREA, 64, 1, SIGNATURE + 1, EINVAL),
      rseq(AREA, 32, 1, SIGNATURE + 1, EPERM),
      register(EBUSY),
      unregister(),
      unregister(EINVAL),
      register(),
      unregister(),
    ],
  ],
  [
    'unknown flags are EINVAL in any state',
    [
      ...BAD_FLAGS.map((flags) => rseq(AREA, 32, flags, SIGNATURE, EINVAL)),
      register(),
      ...BAD_FLAGS.map((flags) => rseq(AREA, 32, flags, SIGNATURE, EINVAL)),
      register(EBUSY),
      unregister(),
    ],
  ],
  ['the probe of libraries is EINVAL', [rseq(0, 0, 0, 0, EINVAL)]],
];

const writeScripts: [string, Script][] = [
  [
    'registering writes ids and rseq_cs, and leaves flags and the rest alone',
    [...poison(AREA), register(), settled, ...expectFields(AREA, REGISTERED), unregister()],
  ],
  [
    'registering more than 32 bytes writes no more',
    [
      ...poison(AREA),
      poke4(AREA + 32, POISON),
      rseq(AREA, 64, 0, SIGNATURE, 0),
      settled,
      ...expectFields(AREA, REGISTERED),
      peek4(AREA + 32, POISON),
      rseq(AREA, 64, 1, SIGNATURE, 0),
    ],
  ],
  [
    'a call that fails writes nothing',
    [
      ...poison(AREA),
      rseq(AREA, 31, 0, SIGNATURE, EINVAL),
      rseq(AREA, 32, 2, SIGNATURE, EINVAL),
      unregister(EINVAL),
      ...expectFields(
        AREA,
        FIELDS.map(() => POISON),
      ),
    ],
  ],
  [
    'unregistering resets the ids, leaves rseq_cs alone, and ends all writes',
    [
      register(),
      ...poison(AREA).filter(([step]) => !isCell(step)),
      unregister(),
      ...expectFields(AREA, UNREGISTERED),
      ...poison(AREA),
      settled,
      ...expectFields(
        AREA,
        FIELDS.map(() => POISON),
      ),
    ],
  ],
  [
    'an area whose page was made read-only is fatal at the next reschedule',
    [
      register(),
      protect(DATA, PROT_READ),
      resume(`0x${OUTSIDE.toString(16)} ${SEGFAULT}`),
      resume(`0x${OUTSIDE.toString(16)} ${SEGFAULT}`),
    ],
  ],
];

function isCell(step: Step): boolean {
  return 'address' in step && (step.address === AREA + 8 || step.address === AREA + 12);
}

/** The argument matrix of rseq(2) in docs/abi/linux-6.18.md, each script for a new task. */
export const REGISTRATION_SCRIPTS: readonly (readonly [string, Script])[] = [
  ...lengthScripts,
  ...addressScripts,
  ...repeatScripts,
  ...writeScripts,
];

/** The lines that a script must print. */
export function linesOf(script: Script): string[] {
  return script.flatMap(([, expected]) => (expected === undefined ? [] : [String(expected)]));
}
