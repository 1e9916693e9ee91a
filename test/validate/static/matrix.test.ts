import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readObject } from '../../../emulator/loader/object/read-object.ts';
import type { Finding } from '../../../emulator/validate/finding.ts';
import { RULE_IDS, RULES } from '../../../emulator/validate/rules/registry.ts';
import { checkedBy } from '../../../emulator/validate/rules/rule.ts';
import { checkImage } from '../../../emulator/validate/static/check-image.ts';
import { STATIC_CHECKS } from '../../../emulator/validate/static/checks/registry.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { guestDir, isUnprotected, readManifest } from '../../guest/guest-files.ts';

const { guests, kernelGuests, ruleGuests } = await readManifest();
const STATIC_RULES = RULE_IDS.filter((id) => checkedBy(RULES[id]) !== 'dynamic');

function check(path: string, kernel: string, checks = STATIC_CHECKS): readonly Finding[] {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  return checkImage(readObject(join(guestDir, path)), { kernel: profile }, checks).findings;
}

function rulesOf(findings: readonly Finding[]): string {
  return RULE_IDS.filter((id) => findings.some(({ rule }) => rule === id)).join(' ');
}

/** Rules that say nothing of flat images are not expected there. */
function expectedIn(kind: 'elf' | 'bin', rules: readonly string[]): string {
  return RULE_IDS.filter(
    (id) => rules.includes(id) && (kind === 'elf' || RULES[id].images.includes('flat')),
  ).join(' ');
}

test('the registry has a check for every rule that is checked in binaries', () => {
  expect(Object.keys(STATIC_CHECKS)).toEqual(STATIC_RULES);
});

describe('the guests of rules/', () => {
  const cases = ruleGuests.flatMap(({ name, files, findings }) =>
    Object.entries(findings).flatMap(([kernel, rules]) => [
      { name, kind: 'elf' as const, path: files.elf.path, kernel, rules },
      { name, kind: 'bin' as const, path: files.bin.path, kernel, rules },
    ]),
  );

  test.each(cases)('$name.$kind under $kernel: $rules', ({ kind, path, kernel, rules }) => {
    const findings = check(path, kernel);
    const text = findings.map(({ rule, symbol, message }) => `${rule} ${symbol}: ${message}`);
    expect(rulesOf(findings), text.join('\n')).toBe(expectedIn(kind, rules));
  });

  test('trip every rule, each by a guest of its own whose twin is silent', () => {
    const tripped = new Map<string, string>();
    for (const { name, findings, defines } of ruleGuests) {
      const rules = Object.values(findings).flat();
      if (defines.includes('FIXED') || name.startsWith('accepted-')) expect(rules).toEqual([]);
      else {
        expect(rules, name).toHaveLength(1);
        expect(ruleGuests.map((guest) => guest.name)).toContain(`${name}-fixed`);
        tripped.set(rules[0] ?? '', name);
      }
    }
    expect(STATIC_RULES.filter((id) => !tripped.has(id))).toEqual([]);
  });

  describe.each(STATIC_RULES)('a wrong check of %s is noticed', (rule) => {
    const broken = ruleGuests.filter(({ findings }) => findings['6.18']?.includes(rule));
    const fixed = ruleGuests.filter(({ findings }) => findings['6.18']?.length === 0);

    test('when it says nothing', () => {
      const mute = { ...STATIC_CHECKS, [rule]: () => [] };
      for (const { files } of broken) {
        expect(rulesOf(check(files.elf.path, '6.18', mute))).toBe('');
      }
    });

    test('when it says it of everything', () => {
      const noisy = { ...STATIC_CHECKS, [rule]: () => [{ address: 0, message: 'wrong' }] };
      for (const { files } of fixed.slice(0, 3)) {
        expect(rulesOf(check(files.elf.path, '6.18', noisy))).toBe(rule);
      }
    });
  });

  test('are all there is in the folder', async () => {
    const everything = await readdir(join(guestDir, 'rules'));
    const present = everything
      .filter((name) => /\.(S|h|bin|elf)$/.test(name))
      .map((name) => `rules/${name}`);
    const listed = ruleGuests.flatMap(({ source, files }) => [
      source,
      files.bin.path,
      files.elf.path,
    ]);
    expect([...new Set(listed), 'rules/frame.h'].toSorted()).toEqual(present.toSorted());
  });
});

describe('the other guests', () => {
  const plain = guests.map(({ name, files, kernel = 'linux-6.18', findings = [] }) => {
    return { name, files, kernel, rules: findings };
  });
  const byKernel = kernelGuests.flatMap(({ name, files, outcomes, findings = [] }) =>
    Object.keys(outcomes).map((kernel) => ({ name, files, kernel, rules: findings })),
  );

  test('are sound but for those that are broken on purpose', () => {
    const found = guests.filter(({ findings }) => findings !== undefined);
    expect(found.filter((guest) => !isUnprotected(guest))).toEqual([]);
    expect(byKernel.filter(({ rules }) => rules.length > 0).map(({ name }) => name)).not.toContain(
      'ids',
    );
  });

  test.each([...plain, ...byKernel])('$name under $kernel: $rules', ({ files, kernel, rules }) => {
    for (const { path } of [files.elf, files.bin]) {
      const findings = check(path, kernel);
      const text = findings.map(({ rule, symbol, message }) => `${rule} ${symbol}: ${message}`);
      expect(rulesOf(findings), `${path}\n${text.join('\n')}`).toBe(rules.join(' '));
    }
  });
});
