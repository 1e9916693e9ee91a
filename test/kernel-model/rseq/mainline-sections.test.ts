import { describe, expect, test } from 'vitest';
import { RSEQ_AREA, RSEQ_CS } from '../../../kernel-model/abi/rseq.ts';
import { TASK_SIZE } from '../../../kernel-model/hardware/address.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { ArmedMachine, END, INSIDE, START } from './armed-task.ts';

/** What becomes of a task that is rescheduled. */
type Effect = 'abort' | 'clear' | 'kept' | 'fatal';

/** The effect inside of the section, and outside. */
type Effects = readonly [inside: Effect, outside: Effect];

interface Row {
  readonly what: string;
  /** Spoils the descriptor at `at`, or the area. */
  readonly change: (machine: ArmedMachine, at: number, area: number) => void;
  /** Linux 4.18 to 5.19: kernel/rseq.c of 4.19, rseq_get_rseq_cs and rseq_need_restart. */
  readonly filtering: Effects;
  /** 6.0 to 6.18: the same of 6.0 (0190e4198e47) and 2025 (1260ed777985); observed on 6.18.44. */
  readonly strict: Effects;
  /** 6.19 on: rseq_update_user_cs of include/linux/rseq_entry.h (05b44aef709c). */
  readonly rewritten: Effects;
  /** With rseq_debug=: rseq_debug_update_user_cs of the same file. */
  readonly debug: Effects;
}

const FATAL: Effects = ['fatal', 'fatal'];
const ABORTS: Effects = ['abort', 'clear'];
const FATAL_INSIDE: Effects = ['fatal', 'clear'];

function descriptorWord(field: number, value: bigint): Row['change'] {
  return (machine, at) => {
    machine.memory.writeU64(at + field, value);
  };
}

function descriptorFlags(flags: number): Row['change'] {
  return (machine, at) => {
    machine.memory.writeU32(at + RSEQ_CS.flags, flags);
  };
}

function areaFlags(flags: number): Row['change'] {
  return (machine, _, area) => {
    machine.memory.writeU32(area + RSEQ_AREA.flags, flags);
  };
}

const ROWS: readonly Row[] = [
  {
    what: 'nothing wrong',
    change: () => undefined,
    filtering: ABORTS,
    strict: ABORTS,
    rewritten: ABORTS,
    debug: ABORTS,
  },
  {
    what: 'version 1',
    change: (machine, at) => machine.memory.writeU32(at + RSEQ_CS.version, 1),
    filtering: FATAL,
    strict: FATAL,
    rewritten: ABORTS,
    debug: FATAL_INSIDE,
  },
  {
    what: 'NO_RESTART_ON_PREEMPT in the descriptor',
    change: descriptorFlags(1),
    filtering: ['kept', 'clear'],
    strict: FATAL_INSIDE,
    rewritten: ABORTS,
    debug: FATAL_INSIDE,
  },
  {
    what: 'all NO_RESTART flags in the area',
    change: areaFlags(7),
    filtering: ['kept', 'clear'],
    strict: FATAL_INSIDE,
    rewritten: ABORTS,
    debug: ABORTS,
  },
  {
    what: 'NO_RESTART_ON_MIGRATE, which is not what happened',
    change: descriptorFlags(4),
    filtering: ABORTS,
    strict: FATAL_INSIDE,
    rewritten: ABORTS,
    debug: FATAL_INSIDE,
  },
  {
    what: 'NO_RESTART_ON_SIGNAL without the others',
    change: areaFlags(2),
    filtering: FATAL_INSIDE,
    strict: FATAL_INSIDE,
    rewritten: ABORTS,
    debug: ABORTS,
  },
  {
    what: 'a flag that was never defined',
    change: descriptorFlags(0x100),
    filtering: ABORTS,
    strict: FATAL_INSIDE,
    rewritten: ABORTS,
    debug: FATAL_INSIDE,
  },
  {
    what: 'abort_ip inside the section, behind a signature',
    change: (machine, at) => {
      machine.memory.writeU64(at + RSEQ_CS.abortIp, BigInt(START + 8));
      machine.memory.writeU32(START + 4, 0x5305_3053);
    },
    filtering: FATAL,
    strict: FATAL,
    rewritten: ABORTS,
    debug: FATAL_INSIDE,
  },
  {
    what: 'an end beyond user memory',
    change: descriptorWord(RSEQ_CS.postCommitOffset, 2n ** 62n),
    filtering: FATAL,
    strict: FATAL,
    rewritten: ABORTS,
    // Outside means before the start here; the end is looked at only past it.
    debug: FATAL_INSIDE,
  },
  {
    what: 'start_ip beyond user memory',
    change: descriptorWord(RSEQ_CS.startIp, BigInt(TASK_SIZE)),
    filtering: FATAL,
    strict: FATAL,
    rewritten: ['clear', 'clear'],
    debug: FATAL,
  },
  {
    what: 'a wrong signature',
    change: (machine, at) => {
      machine.memory.writeU64(at + RSEQ_CS.abortIp, BigInt(START + 0x180));
    },
    filtering: FATAL,
    strict: FATAL,
    rewritten: FATAL_INSIDE,
    debug: FATAL_INSIDE,
  },
  {
    what: 'abort_ip below the size of a signature',
    change: descriptorWord(RSEQ_CS.abortIp, 3n),
    filtering: FATAL,
    strict: FATAL,
    rewritten: FATAL_INSIDE,
    debug: FATAL_INSIDE,
  },
  {
    what: 'abort_ip beyond user memory',
    change: descriptorWord(RSEQ_CS.abortIp, BigInt(TASK_SIZE)),
    filtering: FATAL,
    strict: FATAL,
    rewritten: FATAL_INSIDE,
    debug: FATAL_INSIDE,
  },
  {
    what: 'rseq_cs beyond user memory',
    change: (machine, _, area) =>
      machine.memory.writeU64(area + RSEQ_AREA.rseqCs, BigInt(TASK_SIZE)),
    filtering: FATAL,
    strict: FATAL,
    rewritten: FATAL,
    debug: FATAL,
  },
  {
    what: 'rseq_cs not mapped',
    change: (machine, _, area) => machine.memory.writeU64(area + RSEQ_AREA.rseqCs, 0x8000n),
    filtering: FATAL,
    strict: FATAL,
    rewritten: FATAL,
    debug: FATAL,
  },
];

const FAMILIES = {
  filtering: ['4.18', '5.5'],
  strict: ['6.0', '6.3', '6.15', '6.18'],
  rewritten: ['6.19', '7.0', '7.1'],
  debug: ['6.19+debug', '7.0+debug', '7.1+debug'],
} as const;

function profileOf(kernel: string): KernelProfile {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  return profile;
}

function effectOf(profile: KernelProfile, row: Row, at: number): Effect {
  const machine = new ArmedMachine({ vcpus: 1, profile });
  machine.arm(1, at);
  row.change(machine, machine.region.source, machine.areaOf(1));
  machine.kernel.switchTo(0, 1);
  if (machine.task(1).state.kind === 'dead') return 'fatal';
  if (machine.positionOf(1) !== at) return 'abort';
  return machine.isArmed(1) ? 'kept' : 'clear';
}

const families = Object.entries(FAMILIES) as [keyof typeof FAMILIES, readonly string[]][];

describe.each(families)('a task that is rescheduled (%s)', (family, kernels) => {
  test.each(kernels)('under %s, by what is wrong', (kernel) => {
    const profile = profileOf(kernel);
    const found = ROWS.map((row) => ({
      what: row.what,
      inside: effectOf(profile, row, INSIDE),
      outside: effectOf(profile, row, START - 0x80),
    }));
    const expected = ROWS.map((row) => ({
      what: row.what,
      inside: row[family][0],
      outside: row[family][1],
    }));
    expect(found).toEqual(expected);
  });

  test.each(kernels)('under %s is inside from start_ip to before the end', (kernel) => {
    const [row] = ROWS;
    if (row === undefined) throw new Error('there are rows');
    const effects = [START - 1, START, END - 1, END].map((at) =>
      effectOf(profileOf(kernel), row, at),
    );
    expect(effects).toEqual(['clear', 'abort', 'abort', 'clear']);
  });
});
