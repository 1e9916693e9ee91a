import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, type JudgeCase } from './judge-case.ts';

const FILE = join(import.meta.dirname, '../recorded-6.18.txt');

/** What most answers consist of, and the letter that stands for it in the file. */
const ABBREVIATIONS: readonly (readonly [text: string, letter: string])[] = [
  ['0xdeadbeef', 'P'],
  ['signal 11 128 0', 'S'],
  ['handler', 'H'],
  ['0x5000', 'C'],
  ['; ', ','],
];

/** The answers that a kernel gave once, for where there is none to ask. */
export interface Recording {
  /** The version of that kernel. */
  readonly version: string;
  /** By case, in the order in which they were asked. */
  readonly answers: readonly { readonly digest: string; readonly answer: string }[];
}

export async function readRecording(): Promise<Recording> {
  const [head = '', ...lines] = (await readFile(FILE, 'utf8')).trimEnd().split('\n');
  const answers = lines.map((line) => {
    const [digest = '', answer = ''] = line.split(/ (.*)/);
    return { digest, answer: expand(answer) };
  });
  return { version: head.replace(/^# Linux (\S+).*/, '$1'), answers };
}

export async function writeRecording(
  release: string,
  cases: readonly JudgeCase[],
  answers: readonly string[],
): Promise<void> {
  const lines = cases.map((one, i) => `${digestOf(one)} ${abbreviate(answers[i] ?? '')}`.trimEnd());
  const [version] = release.split('-');
  const head = `# Linux ${version}; made by npm run judge:record`;
  await writeFile(FILE, `${[head, ...lines].join('\n')}\n`);
}

function abbreviate(answer: string): string {
  return ABBREVIATIONS.reduce((text, [long, letter]) => text.replaceAll(long, letter), answer);
}

function expand(answer: string): string {
  return ABBREVIATIONS.reduce((text, [long, letter]) => text.replaceAll(letter, long), answer);
}
