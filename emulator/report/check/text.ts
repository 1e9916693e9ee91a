import { formatAddress } from '../../../kernel-model/hardware/address.ts';
import type { FindingSection } from '../../validate/finding.ts';
import { RULES } from '../../validate/rules/registry.ts';
import type { CheckedFile, CheckOutcome, FileFinding } from '../../validate/static/check-files.ts';
import { disassembleAround, type Syntax } from '../../validate/static/disassembly.ts';
import { describeSuppression } from '../../validate/suppressions.ts';
import { plural } from '../summary.ts';
import { objectPlace } from './object-place.ts';

/** The report of `check` for people. */
export function formatCheck(outcome: CheckOutcome, syntax: Syntax): string {
  const { findings, suppressed, unusedSuppressions } = outcome;
  const blocks = outcome.files.map((file) => {
    const own = findings.filter((each) => each.file === file);
    const hidden = suppressed.filter(({ finding }) => finding.file === file).length;
    return [
      heading(file, own, hidden, outcome.kernel),
      ...file.notes.map((note) => `  note: ${note}`),
      ...own.flatMap((finding) => ['', ...formatFinding(finding, syntax)]),
      '',
    ].join('\n');
  });
  const unused = unusedSuppressions.map(
    (each) => `warning: nothing is left of what was suppressed: ${describeSuppression(each)}\n`,
  );
  return [...blocks, ...unused].join('\n');
}

function heading(
  { path, program }: CheckedFile,
  findings: readonly FileFinding[],
  suppressed: number,
  kernel: string,
): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const counts = [
    plural(program.sections.length, 'section'),
    plural(errors, 'error'),
    plural(findings.length - errors, 'warning'),
    ...(suppressed > 0 ? [`${suppressed} suppressed`] : []),
  ];
  return `${path}: ${counts.join(', ')} (kernel ${kernel})`;
}

function formatFinding(finding: FileFinding, syntax: Syntax): string[] {
  const { rule, severity, address, symbol, source, section, message, file } = finding;
  const { name, title, fix } = RULES[rule];
  const place = objectPlace(file.program.image, address);
  const where = [formatAddress(address), ...(place === undefined ? [] : [place])];
  return [
    `${severity} ${rule} ${name}: ${message}`,
    `  at ${symbol === formatAddress(address) ? '' : `${symbol} `}(${where.join(', ')})` +
      (source === undefined ? '' : `, ${source.file}:${source.line}`),
    ...(section === undefined ? [] : [`  ${describeSection(section)}`]),
    ...disassembleAround(file.program, address, syntax).map(
      (line) => `  ${line.marked ? '>' : ' '} ${line.address.toString(16)}  ${line.text}`,
    ),
    `  rule: ${title}`,
    `  fix: ${fix}`,
  ];
}

function describeSection({ descriptor, start, end, abort, name }: FindingSection): string {
  const parts = [
    `in the section ${name} (${formatAddress(start)}-${formatAddress(end)}`,
    ...(abort === undefined ? [] : [`abort ${formatAddress(abort)}`]),
    ...(descriptor === undefined ? [] : [`descriptor ${formatAddress(descriptor)}`]),
  ];
  return `${parts.join(', ')})`;
}
