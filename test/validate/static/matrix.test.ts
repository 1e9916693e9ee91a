import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readObject } from '../../../emulator/loader/object/read-object.ts';
import type { Finding } from '../../../emulator/validate/finding.ts';
import { RULE_IDS, RULES, type RuleId } from '../../../emulator/validate/rules/registry.ts';
import { checkedBy } from '../../../emulator/validate/rules/rule.ts';
import { checkImage } from '../../../emulator/validate/static/check-image.ts';
import { STATIC_CHECKS } from '../../../emulator/validate/static/checks/registry.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { guestDir, isUnprotected, readManifest } from '../../guest/guest-files.ts';

const { guests, kernelGuests, ruleGuests } = await readManifest();
const STATIC_RULES = RULE_IDS.filter((id) => checkedBy(RULES[id]) !== 'dynamic');

function check(path: string, kernel: string): readonly Finding[] {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  return checkImage(readObject(join(guestDir, path)), { kernel: profile }).findings;
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

  test('are all there is in the folder', async () => {
    const present = (await readdir(join(guestDir, 'rules'))).map((name) => `rules/${name}`);
    const listed = ruleGuests.flatMap(({ source, files }) => [
      source,
      files.bin.path,
      files.elf.path,
    ]);
    expect([...new Set(listed), 'rules/frame.h'].toSorted()).toEqual(present.toSorted());
  });
});

/** Guests of kernel/ that break a rule on purpose. */
const DELIBERATE: Readonly<Record<string, readonly RuleId[]>> = {
  // They make a system call inside a section; `sleep` tells by a register how it ended.
  probe: ['R14'],
  sleep: ['R14', 'R22'],
};

describe('the other guests', () => {
  const FAMILIES_WITHOUT_TABLES = /^(turner|getcpu|thread-local|lutomirski|desnoyers-2016a)/;
  const plain = guests.map((guest) => {
    const kernel = guest.kernel ?? 'linux-6.18';
    // 2016b has no rule about the store that arms; earlier schemes have nothing to read.
    const unarmed = isUnprotected(guest) && !/^(desnoyers-2016b)/.test(kernel);
    const rules = unarmed && !FAMILIES_WITHOUT_TABLES.test(kernel) ? ['R7'] : [];
    return { name: guest.name, files: guest.files, kernel, rules };
  });
  const byKernel = kernelGuests.flatMap(({ name, files, outcomes }) =>
    Object.keys(outcomes).map((kernel) => ({ name, files, kernel, rules: DELIBERATE[name] ?? [] })),
  );

  test.each([...plain, ...byKernel])('$name under $kernel: $rules', ({ files, kernel, rules }) => {
    for (const { path } of [files.elf, files.bin]) {
      const findings = check(path, kernel);
      const text = findings.map(({ rule, symbol, message }) => `${rule} ${symbol}: ${message}`);
      expect(rulesOf(findings), `${path}\n${text.join('\n')}`).toBe(rules.join(' '));
    }
  });
});
