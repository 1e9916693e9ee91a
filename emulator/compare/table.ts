/** A table with a title, for a terminal or for a document. */
export interface Table {
  readonly title: string;
  /** Titles of the columns; the first is of the row's name. */
  readonly columns: readonly string[];
  readonly lines: readonly (readonly string[])[];
  /** What the columns mean. */
  readonly note: string;
}

const GAP = '  ';

/** As text: names to the left, figures to the right. */
export function tableAsText({ title, columns, lines, note }: Table, widthMax: number): string {
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...lines.map((line) => line[index]?.length ?? 0)),
  );
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return index === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(GAP)
      .trimEnd();
  const body = [columns, ...lines].map(format);
  return [...wrap(title, widthMax), ...body, ...wrap(note, widthMax)].join('\n');
}

/** As a table of GitHub's Markdown. */
export function tableAsMarkdown({ title, columns, lines, note }: Table): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = `|${columns.map((_, index) => (index === 0 ? '---|' : '--:|')).join('')}`;
  return [`## ${title}`, '', row(columns), rule, ...lines.map(row), '', ...wrap(note, 120)].join(
    '\n',
  );
}

/** Lines of at most `widthMax` characters. */
export function wrap(text: string, widthMax: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > widthMax) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
