import { describeVerdict, type SearchReport } from './search-report.ts';
import { plural } from './summary.ts';

/** A search as continuous integration sees it: one test. */
interface CiTest {
  readonly name: string;
  readonly verdict: SearchReport['verdict'];
  /** One line. */
  readonly message: string;
  readonly details: string;
}

function testOf(report: SearchReport, args: readonly string[], details: readonly string[]): CiTest {
  const { guest, kernel, cpus, strategy, verdict, schedules } = report;
  const command = [guest.path, ...args].join(' ');
  const messages: Readonly<Record<SearchReport['verdict'], string>> = {
    pass: `${plural(schedules, 'schedule')}: ${describeVerdict(report)}`,
    fail: `a schedule fails; ${report.failure?.replayCommand ?? ''}`,
    incomplete: describeVerdict(report),
  };
  return {
    name: `${command} (${kernel}, ${plural(cpus, 'vCPU')}, ${strategy})`,
    verdict,
    message: messages[verdict],
    details: details.join('\n'),
  };
}

/** JUnit XML with one test: a failing schedule is a failure, a search that was stopped an error. */
export function formatJunit(
  report: SearchReport,
  args: readonly string[],
  details: readonly string[],
): string {
  const test = testOf(report, args, details);
  const seconds = report.seconds.toFixed(3);
  const [failures, errors] = [
    Number(test.verdict === 'fail'),
    Number(test.verdict === 'incomplete'),
  ];
  const counts = `tests="1" failures="${failures}" errors="${errors}" time="${seconds}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="rseq-testbed" ${counts}>`,
    `  <testsuite name="rseq-testbed fuzz" ${counts} skipped="0">`,
    `    <testcase classname="rseq-testbed.fuzz" name="${xml(test.name)}" time="${seconds}">`,
    ...junitResult(test),
    `      <system-out>${xml(test.verdict === 'pass' ? test.details : test.message)}</system-out>`,
    '    </testcase>',
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function junitResult({ verdict, message, details }: CiTest): string[] {
  if (verdict === 'pass') return [];
  const element = verdict === 'fail' ? 'failure' : 'error';
  const attributes = `type="${verdict}" message="${xml(message)}"`;
  return [`      <${element} ${attributes}>${xml(details)}</${element}>`];
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** With U+FFFD for characters that neither XML 1.0 nor YAML has. */
function printable(text: string): string {
  return text.replace(
    /[^\t\n\r\u{20}-\u{7e}\u{a0}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu,
    '\u{fffd}',
  );
}

/** A text as XML 1.0 can hold it. */
function xml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** The Test Anything Protocol, version 13, which kselftest and Perl's prove know, with one test. */
export function formatTap(
  report: SearchReport,
  args: readonly string[],
  lines: readonly string[],
): string {
  const { name, verdict, message, details } = testOf(report, args, lines);
  // A hash would begin a directive.
  const description = name
    .replaceAll('\\', '\\\\')
    .replaceAll('#', '\\#')
    .replace(/[\r\n]+/g, ' ');
  return [
    'TAP version 13',
    '1..1',
    `${verdict === 'pass' ? 'ok' : 'not ok'} 1 - ${description}`,
    '  ---',
    `  message: ${JSON.stringify(message)}`,
    `  verdict: ${verdict}`,
    `  schedules: ${report.schedules}`,
    `  distinctStates: ${report.distinctStates}`,
    `  seconds: ${report.seconds.toFixed(3)}`,
    '  details: |',
    ...literal(details),
    '  ...',
    '',
  ].join('\n');
}

/**
 * The lines of a YAML literal, as simple readers take it too: all are indented, empty ones as well, the
 * first one no more than the others.
 */
function literal(text: string): string[] {
  return printable(text)
    .trimStart()
    .split(/\r\n|[\r\n\u{85}\u{2028}\u{2029}]/u)
    .map((line) => `    ${line}`);
}
