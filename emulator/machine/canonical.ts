import { assert } from '../../kernel-model/assert.ts';

/**
 * Encodes plain data so that equal data gives equal bytes and different data different ones: fields
 * by name, in the order of their names. Takes objects, arrays, numbers, bigints, strings, booleans,
 * null and undefined.
 */
export function encodeCanonically(value: unknown): Uint8Array {
  return new TextEncoder().encode(encode(value));
}

function encode(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return `${value}n`;
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return value ? 't' : 'f';
    case 'undefined':
      return 'u';
    case 'object':
      return value === null ? 'z' : encodeObject(value);
    default:
      assert(false, `${typeof value} is not data`);
  }
}

function encodeObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(encode).join(',')}]`;
  const prototype: unknown = Object.getPrototypeOf(value);
  assert(prototype === Object.prototype || prototype === null, 'kernel state is plain data');
  const fields = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${name}:${encode(field)}`);
  return `{${fields.join(',')}}`;
}
