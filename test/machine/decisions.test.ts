import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decisionFromString, decisionToString } from '../../emulator/machine/decisions.ts';
import { decision } from './decision-arbitrary.ts';

describe('the text of a decision', () => {
  test('gives the decision back', () => {
    const property = fc.property(decision, (one) => {
      expect(decisionFromString(decisionToString(one))).toEqual(one);
    });
    fc.assert(property, { numRuns: 1000, seed: 1 });
  });

  test('is one word, different for different decisions', () => {
    const property = fc.property(decision, decision, (a, b) => {
      expect(decisionToString(a)).toMatch(/^\S+$/);
      const isSame = JSON.stringify(a) === JSON.stringify(b);
      if (!isSame) expect(decisionToString(a)).not.toBe(decisionToString(b));
    });
    fc.assert(property, { numRuns: 1000, seed: 1 });
  });

  test('is the only text that is read', () => {
    const near = fc
      .tuple(decision, fc.nat(12), fc.constantFrom('', ' ', ':', '0', '-', 'r', '1'))
      .map(([one, at, inserted]) => {
        const text = decisionToString(one);
        return `${text.slice(0, at)}${inserted}${text.slice(at + 1)}`;
      });
    const property = fc.property(fc.oneof(near, fc.string()), (text) => {
      const read = decisionFromString(text);
      if (read !== undefined) expect(decisionToString(read)).toBe(text);
    });
    fc.assert(property, { numRuns: 3000, seed: 1 });
  });

  test.each([
    '',
    'r',
    'r0',
    'r0:',
    'r0:1:2',
    'r00:1',
    'r0:01',
    'x0:1',
    'w1:2',
    'f0:1',
    'R0:1',
    ' r0:1',
    'r-1:1',
    'r0:1.5',
    'r0:99999999999',
  ])('is not %j', (text) => {
    expect(decisionFromString(text)).toBeUndefined();
  });
});
