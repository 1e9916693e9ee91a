import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isInside } from '../../../kernel-model/rseq/descriptor.ts';
import { isFullRun } from '../../support/matrix.ts';

const WORDS = 2n ** 64n;

/** The addresses of the section one by one, as far as they go before and after the end of memory. */
function isInRange(ip: bigint, start: bigint, offset: bigint): boolean {
  const end = start + offset;
  return end <= WORDS ? ip >= start && ip < end : ip >= start || ip < end - WORDS;
}

const anyWord = fc.bigInt({ min: 0n, max: WORDS - 1n });
const edge = fc
  .tuple(fc.constantFrom(0n, 2n ** 32n, 2n ** 47n, 2n ** 63n, WORDS - 1n), fc.bigInt(-3n, 3n))
  .map(([word, distance]) => BigInt.asUintN(64, word + distance));
const word = fc.oneof(anyWord, edge);

test('inside is what lies less than the offset above start_ip, in unsigned 64-bit words', () => {
  const position = fc.oneof(word, fc.bigInt(-2n, 2n));
  const property = fc.property(word, word, position, (start, offset, drawn) => {
    const base = { address: 0n, version: 0, flags: 0, abortIp: 0n };
    const descriptor = { ...base, startIp: start, postCommitOffset: offset };
    const near = [drawn, start + drawn, start + offset + drawn];
    for (const ip of near.map((each) => BigInt.asUintN(64, each))) {
      expect(isInside(descriptor, ip)).toBe(isInRange(ip, start, offset));
    }
  });
  fc.assert(property, { numRuns: isFullRun ? 100_000 : 3000, seed: 1 });
});
