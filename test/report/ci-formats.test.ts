import fc from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, test } from 'vitest';
import { formatJunit, formatTap } from '../../emulator/report/ci-formats.ts';
import { SEARCH_REPORT_SCHEMA, type SearchReport } from '../../emulator/report/search-report.ts';
import { TEST_BOUNDS } from '../explore/failure/searched.ts';

const REPORT: SearchReport = {
  schema: SEARCH_REPORT_SCHEMA,
  guest: { path: 'guest/counter.bin', sha256: '0'.repeat(64) },
  engine: 'unicorn 2.0.1',
  kernel: 'linux-6.18',
  cpus: 2,
  seed: 1,
  strategy: 'exhaustive',
  verdict: 'pass',
  memoryModel: 'SC',
  bound: { ...TEST_BOUNDS, completed: 1 },
  exhaustive: true,
  schedules: 7,
  distinctStates: 5,
  merged: 1,
  verifiedMerges: 0,
  timedOut: 0,
  cuts: {},
  seconds: 1.5,
  setAside: [],
  coverage: [],
  leftOut: [],
  findings: [],
};

const parser = new XMLParser({
  ignoreAttributes: false,
  parseAttributeValue: false,
  trimValues: false,
});

function parse(xml: string) {
  expect(XMLValidator.validate(xml)).toBe(true);
  return parser.parse(xml).testsuites;
}

describe('JUnit XML', () => {
  test('has one test that passes', () => {
    const suites = parse(formatJunit(REPORT, ['2', '3'], ['all is well']));
    expect(suites).toMatchObject({ '@_tests': '1', '@_failures': '0', '@_errors': '0' });
    const { testcase } = suites.testsuite;
    expect(testcase['@_name']).toBe('guest/counter.bin 2 3 (linux-6.18, 2 vCPUs, exhaustive)');
    expect(testcase['@_time']).toBe('1.500');
    // The schemas in use know these attributes and no others.
    const attributes = Object.keys(suites).filter((key) => key.startsWith('@_'));
    expect(new Set(attributes)).toEqual(
      new Set(['@_errors', '@_failures', '@_name', '@_tests', '@_time']),
    );
    expect(testcase).not.toHaveProperty('failure');
    expect(testcase['system-out']).toBe('all is well');
  });

  test.each([
    ['fail', 'failure', { '@_failures': '1', '@_errors': '0' }],
    ['incomplete', 'error', { '@_failures': '0', '@_errors': '1' }],
  ] as const)('tells of a verdict %s by an element %s', (verdict, element, counts) => {
    const suites = parse(formatJunit({ ...REPORT, verdict }, [], ['why']));
    expect(suites).toMatchObject(counts);
    expect(suites.testsuite.testcase[element]).toMatchObject({ '@_type': verdict, '#text': 'why' });
  });

  test('is well-formed whatever the guest says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        const xml = formatJunit({ ...REPORT, verdict: 'fail' }, [a], [b, a, ']]>', '<&>"']);
        expect(XMLValidator.validate(xml)).toBe(true);
        // XML 1.0, 2.2: no other characters.
        expect(xml).toMatch(/^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u);
      }),
    );
  });

  test('shows texts as they are', () => {
    const details = '<a href="b">&amp; \'c\' </a>';
    const suites = parse(formatJunit({ ...REPORT, verdict: 'fail' }, [], [details]));
    expect(suites.testsuite.testcase.failure['#text']).toBe(details);
  });
});

describe('TAP', () => {
  test('has a plan, one test line and a YAML block', () => {
    expect(
      formatTap(REPORT, ['2'], ['fine', '', ' "so": far\rand\u0000\u009f']).split('\n'),
    ).toEqual([
      'TAP version 13',
      '1..1',
      'ok 1 - guest/counter.bin 2 (linux-6.18, 2 vCPUs, exhaustive)',
      '  ---',
      '  message: "7 schedules: pass, exhaustive for up to 1 interruption before these instructions, ' +
        'in the first entry of each by each task"',
      '  verdict: pass',
      '  schedules: 7',
      '  distinctStates: 5',
      '  seconds: 1.500',
      '  details: |',
      '    fine',
      '    ',
      '     "so": far',
      '    and\ufffd\ufffd',
      '  ...',
      '',
    ]);
  });

  test.each(['fail', 'incomplete'] as const)('is not ok for a verdict %s', (verdict) => {
    const lines = formatTap({ ...REPORT, verdict }, [], []).split('\n');
    expect(lines[2]).toMatch(/^not ok 1 - /);
  });

  test('an argument cannot end the test line, nor begin a directive', () => {
    const lines = formatTap(REPORT, ['a\nnot ok 2', '# SKIP'], []).split('\n');
    expect(lines[2]).toMatch(/^ok 1 - guest\/counter.bin a not ok 2 \\# SKIP/);
    expect(lines[3]).toBe('  ---');
  });
});
