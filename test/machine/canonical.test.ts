import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCanonically } from '../../emulator/machine/canonical.ts';

const leaf = fc.oneof(
  fc.constantFrom(0, -0, 1, 10, Number.POSITIVE_INFINITY, Number.NaN),
  fc.double(),
  fc.bigInt(-20n, 20n),
  fc.boolean(),
  fc.constantFrom('', '0', 'u', 't', '1n', '{', '},a:1', '"'),
  fc.string({ maxLength: 4 }),
  fc.constant(null),
  fc.constant(undefined),
);
const value = fc.letrec((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'ab'), tie('node'), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
})).node;

function encoded(data: unknown): string {
  return new TextDecoder().decode(encodeCanonically(data));
}

/** Equality of data: Object.is for leaves, fields by name whatever their order. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return Object.is(a, b);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  const other = new Map(right);
  return (
    left.length === right.length &&
    left.every(([key, field]) => other.has(key) && isSame(field, other.get(key)))
  );
}

describe('the canonical encoding', () => {
  test('is the same for the same data and another for other data', () => {
    const property = fc.property(value, value, (a, b) => {
      expect(encoded(a) === encoded(b)).toBe(isSame(a, b));
      expect(encoded(structuredClone(a))).toBe(encoded(a));
    });
    fc.assert(property, { numRuns: 3000, seed: 1 });
  });

  test('does not depend on the order of fields', () => {
    expect(encoded({ a: 1, b: [2n, undefined] })).toBe(encoded({ b: [2n, undefined], a: 1 }));
  });

  test('tells apart what other encodings do not', () => {
    const pairs: readonly (readonly [unknown, unknown])[] = [
      [1, 1n],
      [1, '1'],
      [0, -0],
      [0, false],
      [null, undefined],
      [undefined, 'u'],
      [{}, []],
      [{ a: undefined }, {}],
      [[[1], 2], [[1, 2]]],
      [{ a: { b: 1 } }, { a: {}, b: 1 }],
      ['a,b', ['a', 'b']],
    ];
    for (const [a, b] of pairs) expect(encoded(a)).not.toBe(encoded(b));
  });

  test('takes plain data only', () => {
    for (const wrong of [new Map(), new Set(), new Date(), () => 1, Symbol('s'), /x/]) {
      expect(() => encoded({ wrong })).toThrow(/assertion/);
    }
  });
});
