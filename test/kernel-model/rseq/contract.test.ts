import { describe, expect, test } from 'vitest';
import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { guestAddress } from '../../../kernel-model/hardware/address.ts';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import { LINUX_6_19 } from '../../../kernel-model/rseq/linux-6.19.ts';
import { PROFILE_NAMES, PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import type { KernelProfile, RseqVariant } from '../../../kernel-model/rseq/variant.ts';
import { RSEQ_CONTRACT } from './contract.ts';
import { fixturesOf } from './fixtures.ts';

const RULES = Object.entries(RSEQ_CONTRACT);

/** The same kernels with their options. */
const WITH_OPTIONS = Object.values<KernelProfile>(PROFILES).flatMap((profile) =>
  Object.keys(profile.options ?? {}).flatMap((option) => {
    return findProfile(`${profile.name}+${option}`) ?? [];
  }),
);

test('there are kernels with options', () => {
  expect(WITH_OPTIONS.map(({ name }) => name)).toContain('linux-7.1+documented');
});

describe.each(WITH_OPTIONS)('$name', (profile) => {
  describe.each(fixturesOf(profile))('with $name', (fixture) => {
    test.each(RULES)('%s', (_, check) => check(profile, fixture));
  });
});

describe.each(PROFILE_NAMES)('%s', (name) => {
  const profile: KernelProfile = PROFILES[name];

  describe.each(fixturesOf(profile))('with $name', (fixture) => {
    test.each(RULES)('%s', (_, check) => check(profile, fixture));
  });

  test('is found by its name and each alias, and by nothing else', () => {
    for (const key of [profile.name, ...profile.aliases]) expect(findProfile(key)).toBe(profile);
    expect(findProfile(`${name} `)).toBeUndefined();
    expect(findProfile('')).toBeUndefined();
  });
});

const rewritten = LINUX_6_19.rseq;
/** Mistakes that a variant of the rewritten family could make. */
const WRONG_REWRITTEN: Readonly<Record<string, Partial<RseqVariant>>> = {
  'forgets that a task left its CPU': { onSwitchOut: () => undefined },
  'takes every task for one in a system call': {
    onResume(context) {
      context.task.entry = 'syscall';
      const outcome = rewritten.onResume(context);
      return outcome.kind === 'fatal' ? { kind: 'resumed' } : outcome;
    },
    onSwitchOut(task) {
      task.entry = 'syscall';
      rewritten.onSwitchOut(task);
    },
  },
  'leaves its work for later': {
    onResume(context) {
      const outcome = rewritten.onResume(context);
      context.task.notifyResume = outcome.kind === 'aborted';
      return outcome;
    },
  },
  'lends children another area': {
    onClone(parent, child, flags) {
      rewritten.onClone(parent, child, flags);
      if (child.rseq) child.rseq = { ...child.rseq, address: guestAddress(64) };
    },
  },
  'arms by a word beside rseq_cs': {
    armingWord: (task) => (task.rseq ? guestAddress(task.rseq.address + 4) : undefined),
  },
};

const { rseq } = LINUX_6_18;
const remembered = new Set<number>();
/** Mistakes that a variant could make. */
const WRONG: Readonly<Record<string, Partial<RseqVariant>>> = {
  'disarms while it looks': {
    armedRegion(context) {
      const region = rseq.armedRegion(context);
      if (context.task.rseq)
        context.memory.writeU64(context.task.rseq.address + RSEQ_AREA.rseqCs, 0n);
      return region;
    },
  },
  'does its work again and again': {
    onResume(context) {
      const outcome = rseq.onResume(context);
      context.task.notifyResume = true;
      return outcome;
    },
  },
  'forgets to ask for work': {
    onMembarrier(task) {
      task.rseqEvents |= 1;
    },
  },
  'writes to tasks that never registered': {
    onResume(context) {
      if (context.task.rseq === undefined) context.memory.writeU32(0x7000_0000, 1);
      return rseq.onResume(context);
    },
  },
  'gives threads the registration of their parent': {
    onClone(parent, child) {
      child.rseq = parent.rseq;
    },
  },
  'keeps events to itself': {
    onSwitchOut(task) {
      if (!remembered.has(task.id)) rseq.onSwitchOut(task);
      remembered.add(task.id);
    },
  },
  'tells a wrong position': {
    onResume(context) {
      const outcome = rseq.onResume(context);
      return outcome.kind === 'aborted' ? { ...outcome, from: outcome.from + 1 } : outcome;
    },
  },
  'aborts half': {
    onResume(context) {
      const from = context.registers.instructionPointer;
      const outcome = rseq.onResume(context);
      context.registers.instructionPointer = from;
      return outcome;
    },
  },
  'writes ids before it refuses': {
    onResume(context) {
      if (context.task.rseq) context.memory.writeU32(context.task.rseq.address, 7);
      return rseq.onResume(context);
    },
  },
};

const MISTAKES = [
  ...Object.entries(WRONG).map(([name, mistake]) => ({ name, base: LINUX_6_18, mistake })),
  ...Object.entries(WRONG_REWRITTEN).map(([name, mistake]) => ({
    name,
    base: LINUX_6_19,
    mistake,
  })),
];

describe('a variant breaks a rule if it', () => {
  test.each(MISTAKES)('$name', ({ base, mistake }) => {
    const profile = { ...base, rseq: { ...base.rseq, ...mistake } };
    const broken = RULES.filter(([, check]) => {
      try {
        for (const fixture of fixturesOf(profile)) check(profile, fixture);
        return false;
      } catch {
        return true;
      }
    });
    expect(broken.map(([name]) => name)).not.toEqual([]);
  });
});

test('a kernel that does not forget what it is said to forget breaks a rule', () => {
  const profile: KernelProfile = { ...LINUX_6_18, lostEvents: ['onMigrate'] };
  const rule = RSEQ_CONTRACT['asks for nothing at events that mean nothing to it'];
  for (const fixture of fixturesOf(profile)) expect(() => rule?.(profile, fixture)).toThrow();
});
