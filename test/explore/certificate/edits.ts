/** One field of a JSON document changed. */
export interface Edit {
  /** `units.3.tally.merged` */
  readonly path: string;
  readonly kind: 'changed' | 'removed' | 'renamed';
  /** The document with the change. */
  readonly value: unknown;
  readonly text: string;
}

type Path = readonly string[];

/**
 * The documents that differ from `document` in one field each, however deep it lies: a leaf with
 * another value, one that is gone, and an address that is a key and is another one.
 */
export function editsOf(document: object): Edit[] {
  const plain: unknown = JSON.parse(JSON.stringify(document));
  const edit = (kind: Edit['kind'], path: Path, value: unknown): Edit => {
    return { kind, path: path.join('.'), value, text: JSON.stringify(value) };
  };
  return [
    ...leavesOf(plain, []).flatMap((path, index) => [
      edit(
        'changed',
        path,
        edited(plain, path, (leaf) => [editedLeaf(leaf, index)]),
      ),
      edit(
        'removed',
        path,
        edited(plain, path, () => []),
      ),
    ]),
    ...addressesOf(plain, []).map((path) => edit('renamed', path, renamed(plain, path))),
  ];
}

function leavesOf(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, each]) => leavesOf(each, [...path, key]));
}

/** Paths of fields whose names are numbers. */
function addressesOf(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    const here = [...path, key];
    const isAddress = !Array.isArray(value) && /^\d+$/.test(key);
    return [...(isAddress ? [here] : []), ...addressesOf(each, here)];
  });
}

/** The document with what `change` makes of the value at the path: one value, or none. */
function edited(value: unknown, path: Path, change: (leaf: unknown) => unknown[]): unknown {
  const [key, ...rest] = path;
  const replace = (each: unknown): unknown[] =>
    rest.length === 0 ? change(each) : [edited(each, rest, change)];
  if (Array.isArray(value)) {
    return value.flatMap((each, index) => (String(index) === key ? replace(each) : [each]));
  }
  return Object.fromEntries(
    Object.entries(value ?? {}).flatMap(([name, each]) =>
      (name === key ? replace(each) : [each]).map((one) => [name, one]),
    ),
  );
}

function renamed(value: unknown, path: Path): unknown {
  return edited(value, path.slice(0, -1), (record) => [
    Object.fromEntries(
      Object.entries(record ?? {}).map(([name, each]) => [
        name === path.at(-1) ? String(Number(name) + 1) : name,
        each,
      ]),
    ),
  ]);
}

function editedLeaf(value: unknown, seed: number): unknown {
  if (typeof value === 'number') return seed % 2 === 0 || value === 0 ? value + 1 : value - 1;
  if (typeof value === 'boolean') return !value;
  const text = String(value);
  if (text === '') return 'x';
  const at = seed % text.length;
  const other = text[at] === '1' ? '2' : '1';
  return `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
}
