import * as v from 'valibot';

const SHOWN_CHARACTERS_MAX = 60;

/** What the schema library calls kinds of values, and what we call them. */
const KINDS: Readonly<Record<string, string>> = {
  Array: 'a list',
  Object: 'an object',
  boolean: 'true or false',
  number: 'a number',
  string: 'a text',
};

/** In one line: which field of some JSON is wrong, and how. */
export function describeIssue(issue: v.BaseIssue<unknown>): string {
  const where = shorten(v.getDotPath(issue) ?? 'the whole');
  return `${where}${complaint(issue)}`;
}

function complaint({ type, expected, received, message }: v.BaseIssue<unknown>): string {
  const given = shorten(KINDS[received] ?? received);
  switch (type) {
    case 'integer':
      return ` takes a whole number, not ${given}`;
    case 'min_value':
      return ` takes ${expected?.slice('>='.length)} or more, not ${given}`;
    case 'max_value':
      return ` takes ${expected?.slice('<='.length)} or less, not ${given}`;
    case 'non_empty':
      return ' must not be empty';
    case 'regex':
      return ` is not of the right form: ${given}`;
    case 'raw_transform':
    case 'check':
      return `: ${shorten(message)}`;
  }
  if (received === 'undefined') return ' is missing';
  if (expected === 'never') return ' is not a field there';
  const isLong = type === 'picklist' && (expected ?? '').length > SHOWN_CHARACTERS_MAX;
  if (isLong) return `: there is no ${given}`;
  return ` takes ${choices(expected ?? 'something else')}, not ${given}`;
}

/** `("a" | "b")` is what the library says of several. */
function choices(expected: string): string {
  const names = expected.replace(/^\((.*)\)$/, '$1').split(' | ');
  return names.map((name) => KINDS[name] ?? name).join(' or ');
}

/** On one line, and not too long. */
function shorten(text: string): string {
  const line = [...text].map((each) => (each < ' ' ? ' ' : each)).join('');
  return line.length > SHOWN_CHARACTERS_MAX ? `${line.slice(0, SHOWN_CHARACTERS_MAX)}...` : line;
}
