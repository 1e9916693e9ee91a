import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '..');

/** The files of recorded answers: of the traced task, and of the guest. */
export type RecordingName = 'recorded-6.18' | 'recorded-6.18-guest';

/** What most answers consist of, and the letter that stands for it in the file. */
const ABBREVIATIONS: readonly (readonly [text: string, letter: string])[] = [
  ['0xdeadbeef', 'P'],
  ['signal 11 128 0', 'S'],
  ['handler', 'H'],
  ['0x5000', 'C'],
  ['; ', ','],
];

/** An answer that a kernel gave once, for where there is none to ask. */
interface RecordedAnswer {
  /** Tells a case of one version of the generators from another's. */
  readonly digest: string;
  readonly answer: string;
}

/** The recorded answers in the order in which they were asked. */
export async function readRecording(name: RecordingName): Promise<RecordedAnswer[]> {
  const text = await readFile(join(FOLDER, `${name}.txt`), 'utf8');
  const [, ...lines] = text.trimEnd().split('\n');
  return lines.map((line) => {
    const [digest = '', answer = ''] = line.split(/ (.*)/);
    return { digest, answer: expand(answer) };
  });
}

/** Replaces a recording by the answers of a kernel of this release to `questions`. */
export async function writeRecording(
  name: RecordingName,
  release: string,
  questions: readonly string[],
  answers: readonly string[],
): Promise<void> {
  const lines = questions.map((question, i) =>
    `${digestOf(question)} ${abbreviate(answers[i] ?? '')}`.trimEnd(),
  );
  const [version] = release.split('-');
  const head = `# Linux ${version}; made by npm run judge:record`;
  await writeFile(join(FOLDER, `${name}.txt`), `${[head, ...lines].join('\n')}\n`);
}

export function digestOf(question: string): string {
  return createHash('sha256').update(question).digest('hex').slice(0, 8);
}

function abbreviate(answer: string): string {
  return ABBREVIATIONS.reduce((text, [long, letter]) => text.replaceAll(long, letter), answer);
}

function expand(answer: string): string {
  return ABBREVIATIONS.reduce((text, [long, letter]) => text.replaceAll(letter, long), answer);
}
