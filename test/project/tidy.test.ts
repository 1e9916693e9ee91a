import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, extname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../support/project.ts';

const self = 'test/project/tidy.test.ts';
const untracked = ['.git', 'node_modules', '.cache', 'dist', 'coverage'];
const binary = ['.bin', '.elf'];
const source = ['.ts', '.mjs', '.cjs', '.c', '.h', '.S', '.ld'];
const maxLines = 400;
/** Code is formatted to 100; a comment may end a little after that. */
const maxColumns = 105;

interface Text {
  readonly path: string;
  readonly text: string;
}

/** What a text must not have. */
interface Rule {
  readonly name: string;
  readonly applies: (path: string) => boolean;
  /** The numbers of the lines that break the rule, from 1. */
  readonly offences: (text: string) => readonly number[];
  /** A text that breaks it in its first line. */
  readonly example: string;
}

const everywhere = () => true;
const inSources = (path: string) => source.includes(extname(path));

function linesMatching(pattern: RegExp): Rule['offences'] {
  return (text) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [index + 1] : []));
}

const rules: readonly Rule[] = [
  {
    name: 'work that was left for later',
    applies: everywhere,
    offences: linesMatching(/\b(TODO|FIXME|XXX|HACK)\b/),
    example: '// TODO: more',
  },
  {
    name: 'a path of the machine it was written on',
    applies: everywhere,
    offences: linesMatching(/(^|[\s'"`(=:])\/(work|root|tmp)\/\w/),
    example: "const file = '/root/file';",
  },
  {
    name: 'the host of a package registry',
    applies: everywhere,
    offences: linesMatching(/registry\.(npmjs|npmmirror|yarnpkg)|"resolved": "http/),
    example: '      "resolved": "https://host/koffi.tgz",',
  },
  {
    name: 'a check switched off',
    applies: inSources,
    offences: linesMatching(/@ts-(ignore|nocheck)|\bas unknown as\b|\bas any\b/),
    example: '// @ts-ignore',
  },
  {
    name: 'a JSDoc type that is anything',
    applies: (path) => path.endsWith('js'),
    offences: linesMatching(/@\w+ \{[^}]*\bany\b/),
    example: '/** @param {any} value */',
  },
  {
    name: 'a banner',
    applies: inSources,
    offences: linesMatching(/^\s*(\/\/|\/?\*+|#)\s*[-=*#~]{4,}/),
    example: '// ---------- helpers ----------',
  },
  {
    name: `a line of more than ${maxColumns} columns`,
    applies: inSources,
    offences: linesMatching(new RegExp(`^.{${maxColumns + 1},}$`)),
    example: `// ${'x'.repeat(maxColumns)}`,
  },
  {
    name: 'white space at the end of a line, or a carriage return',
    applies: (path) => path !== 'LICENSE',
    offences: linesMatching(/\s$/),
    example: 'int x; ',
  },
  {
    name: 'a last line that does not end',
    applies: everywhere,
    offences: (text) => (text === '' || text.endsWith('\n') ? [] : [text.split('\n').length]),
    example: 'int x;',
  },
  {
    name: `more than ${maxLines} lines`,
    applies: inSources,
    offences: (text) => (text.split('\n').length > maxLines + 1 ? [1] : []),
    example: 'int x;\n'.repeat(maxLines + 1),
  },
];

const texts = await readTexts();

describe('no file has', () => {
  test.each(rules)('$name', ({ applies, offences, example }) => {
    expect(offences(example)).toEqual([1]);
    const found = texts
      .filter(({ path }) => applies(path))
      .flatMap(({ path, text }) => offences(text).map((line) => `${path}:${line}`));
    expect(found).toEqual([]);
  });
});

test('every link between documents leads somewhere', () => {
  const headings = new Map(texts.map(({ path, text }) => [path, headingIds(text)]));
  const broken = texts
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap(({ path, text }) =>
      localLinks(text)
        .filter((link) => !leadsSomewhere(link, path, headings))
        .map((link) => `${path}: ${link}`),
    );
  expect(broken).toEqual([]);
});

describe('a link', () => {
  const headings = new Map([['docs/a.md', headingIds('# The `rseq` area, and more\n')]]);

  test.each([
    ['a.md', true],
    ['a.md#the-rseq-area-and-more', true],
    ['#the-rseq-area-and-more', true],
    ['a.md#missing', false],
    ['missing.md', false],
    ['../package.json', true],
  ])('to %s is found: %s', (link, exists) => {
    expect(leadsSomewhere(link, 'docs/a.md', headings)).toBe(exists);
  });

  test('is read wherever it is written', () => {
    const text = 'See [a](a.md) and [b][1], not [c](https://host/).\n\n[1]: b.md\n';
    expect(localLinks(text)).toEqual(['a.md', 'b.md']);
  });
});

/** The text files of the project that belong into version control, but for this one. */
async function readTexts(folder = projectRoot): Promise<Text[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const texts = entries
    .filter(({ name }) => !untracked.includes(name) && !binary.includes(extname(name)))
    .filter(({ name }) => !name.endsWith('.log'))
    .map(async (entry): Promise<Text[]> => {
      const file = join(folder, entry.name);
      const path = relative(projectRoot, file);
      if (entry.isDirectory()) {
        return readTexts(file);
      }
      return path === self ? [] : [{ path, text: await readFile(file, 'utf8') }];
    });
  return (await Promise.all(texts)).flat();
}

/** The targets of the links of a Markdown text that stay within the project. */
function localLinks(markdown: string): string[] {
  const withoutCode = markdown.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  const targets = [...withoutCode.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]:\s+(\S+)/gm)];
  return targets.map(([, inline, named]) => inline ?? named ?? '').filter((link) => !isUrl(link));
}

function isUrl(link: string): boolean {
  return /^[a-z]+:/.test(link);
}

function leadsSomewhere(
  link: string,
  from: string,
  headings: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? from : join(dirname(from), path);
  const ids = headings.get(target);
  if (anchor !== undefined) {
    return ids?.has(anchor) ?? false;
  }
  return ids !== undefined || existsSync(join(projectRoot, target));
}

/** The anchors of a Markdown text's headings, as the usual hosts make them. */
function headingIds(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.matchAll(/^#{1,6}\s+(.+)$/gm)];
  return new Set(
    headings.map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  );
}
