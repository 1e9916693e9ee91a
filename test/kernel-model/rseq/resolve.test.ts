import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { membarrierCommandsOf } from '../../../kernel-model/abi/membarrier.ts';
import { PROFILE_NAMES, PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { findProfile, resolveKernel, selectorOf } from '../../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';

/** First releases of the mainline profiles, as numbers that compare: 6.3 is 6003. */
const FIRSTS = PROFILE_NAMES.flatMap((name) => {
  const match = /^linux-(\d+)\.(\d+)$/.exec(name);
  return match === null ? [] : [{ name, rank: Number(match[1]) * 1000 + Number(match[2]) }];
}).toSorted((a, b) => a.rank - b.rank);
const oldest = FIRSTS[0]?.rank ?? 0;
const newest = FIRSTS.at(-1)?.rank ?? 0;

function profileOf(text: string): KernelProfile {
  const profile = findProfile(text);
  if (profile === undefined) throw new Error(`there is no kernel ${text}`);
  return profile;
}

describe('a version', () => {
  const version = fc.record({
    major: fc.integer({ min: 2, max: 9 }),
    minor: fc.integer({ min: 0, max: 25 }),
  });
  const spelling = fc.constantFrom('', 'v', 'linux-');
  const suffix = fc.constantFrom('', '.0', '.17', '-rc3');

  test('means the last profile that began before it, with what that release has', () => {
    fc.assert(
      fc.property(version, spelling, suffix, ({ major, minor }, before, after) => {
        const rank = major * 1000 + minor;
        const found = resolveKernel(`${before}${major}.${minor}${after}`);
        if (rank < oldest) {
          expect(found.kind).toBe('older');
          return;
        }
        const floor = FIRSTS.findLast((each) => each.rank <= rank);
        expect(found).toMatchObject({ profile: { name: floor?.name } });
        expect(found.kind).toBe(rank > newest ? 'newer' : 'found');
        if (found.kind !== 'found') return;
        expect(found.profile.release).toMatch(new RegExp(`^${major}\\.${minor}\\.`));
        expect(found.profile.membarrierCommands).toBe(membarrierCommandsOf({ major, minor }));
        expect(findProfile(selectorOf(found.profile))).toEqual(found.profile);
      }),
    );
  });

  test.each([
    ['5.15', 'linux-5.5', '5.15.0-rseq-testbed', 448],
    ['4.19', 'linux-4.18', '4.19.0-rseq-testbed', 334],
    ['6.1', 'linux-6.0', '6.1.0-rseq-testbed', 450],
    ['6.17', 'linux-6.15', '6.17.0-rseq-testbed', 469],
    ['6.18', 'linux-6.18', '6.18.0-rseq-testbed', 469],
  ])('%s is %s, with its own release and system calls', (text, name, release, lastSyscall) => {
    expect(profileOf(text)).toMatchObject({ name, release, lastSyscall });
  });

  test('that begins a profile is the profile itself', () => {
    for (const { name } of FIRSTS) {
      expect(findProfile(name.replace('linux-', ''))).toBe(PROFILES[name]);
    }
  });

  test('before 4.18 has none, after the newest has that one', () => {
    expect(resolveKernel('4.17')).toEqual({ kind: 'older', oldest: PROFILES['linux-4.18'] });
    expect(resolveKernel('99.0')).toEqual({ kind: 'newer', profile: PROFILES['linux-7.1'] });
  });
});

describe('an option', () => {
  test('gives the kernel with another variant, and what gives it again', () => {
    const debug = profileOf('6.16+debug');
    expect(debug).toMatchObject({ name: 'linux-6.15+debug', selector: '6.16+debug' });
    expect(debug.rseq).toBe(PROFILES['linux-6.15'].options?.debug);
    expect(profileOf(selectorOf(debug))).toEqual(debug);
  });

  test('that the kernel lacks is told with those it has', () => {
    expect(resolveKernel('linux-7.1+quick')).toMatchObject({
      kind: 'no-option',
      options: ['debug', 'documented'],
    });
    expect(resolveKernel('broken-fence-lost+debug')).toMatchObject({ options: [] });
    expect(resolveKernel('nothing+debug')).toEqual({ kind: 'unknown' });
  });
});

test.each([
  '',
  'linux',
  '6',
  '6.',
  '.6',
  '6.18.',
  '6.18 ',
  '+debug',
  '6.18+',
  '6.18-generic',
  '-6.18',
])('%j is no kernel', (text) => {
  expect(findProfile(text)).toBeUndefined();
});
