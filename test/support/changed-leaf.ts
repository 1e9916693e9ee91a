import { assert } from '../../kernel-model/assert.ts';

/** The paths of all fields of plain data that hold no others. */
export function leavesOf(value: object): string[][] {
  return Object.entries(value).flatMap(([name, field]) =>
    typeof field === 'object' && field !== null
      ? leavesOf(field).map((path) => [name, ...path])
      : [[name]],
  );
}

/** A deep copy of plain data in which one field has another value of its kind. */
export function changedLeaf<T extends object>(data: T, path: readonly string[]): T {
  const copy = structuredClone(data);
  let at: unknown = copy;
  for (const name of path.slice(0, -1)) {
    assert(typeof at === 'object' && at !== null, 'a path in the data');
    at = Reflect.get(at, name);
  }
  const last = path.at(-1);
  assert(typeof at === 'object' && at !== null && last !== undefined, 'a path in the data');
  Reflect.set(at, last, changedValue(Reflect.get(at, last)));
  return copy;
}

function changedValue(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return value === Number.POSITIVE_INFINITY ? 1 : value + 1;
    case 'bigint':
      return value + 1n;
    case 'boolean':
      return !value;
    case 'string':
      return `${value}x`;
    default:
      return 1;
  }
}
