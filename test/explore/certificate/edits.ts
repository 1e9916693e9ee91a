/** One field of a JSON document changed. */
export interface Edit {
  /** `units.3.tally.merged` */
  readonly path: string;
  /** The document with the change. */
  readonly value: unknown;
  readonly text: string;
}

/** The documents that differ from `document` in one leaf each, or lack it. */
export function editsOf(document: object): Edit[] {
  const plain: unknown = JSON.parse(JSON.stringify(document));
  return leavesOf(plain, []).map((path, index) => {
    const value = edited(plain, path, index);
    return { path: path.join('.'), value, text: JSON.stringify(value) };
  });
}

type Path = readonly string[];

function leavesOf(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, each]) => leavesOf(each, [...path, key]));
}

function edited(value: unknown, [key, ...rest]: Path, seed: number): unknown {
  if (key === undefined) return editedLeaf(value, seed);
  if (Array.isArray(value)) {
    return value.map((each, index) => (String(index) === key ? edited(each, rest, seed) : each));
  }
  return Object.fromEntries(
    Object.entries(value ?? {}).map(([name, each]) => [
      name,
      name === key ? edited(each, rest, seed) : each,
    ]),
  );
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
