import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../emulator/errors.ts';
import type { SearchJob } from '../../../emulator/explore/campaign/job.ts';
import {
  type Certificate,
  formatCertificate,
  readCertificate,
  sealed,
} from '../../../emulator/explore/certificate/certificate.ts';
import { disagreements } from '../../../emulator/explore/certificate/check.ts';
import {
  type CertifiedFacts,
  establishFacts,
} from '../../../emulator/explore/certificate/facts.ts';
import { issueCertificate } from '../../../emulator/explore/certificate/issue.ts';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../../emulator/explore/search/registry.ts';
import { addTallies, EMPTY_TALLY } from '../../../emulator/explore/search/tally.ts';
import { TallyCounter } from '../../../emulator/explore/search/tally-counter.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { guest, openTestMachine } from '../../machine/rig.ts';
import { matrixCases } from '../../support/matrix.ts';
import { TEST_BOUNDS } from '../failure/searched.ts';
import { type Edit, editsOf } from './edits.ts';

let machine: Machine;
let certificate: Certificate;
let facts: CertifiedFacts;

const program = guest('bugs/s1-end-early-fixed.bin');
const JOB: SearchJob = {
  guest: { path: program.image.path, sha256: program.image.sha256, args: [], env: ['A=b'] },
  kernel: 'linux-6.18',
  cpus: 1,
  seed: 1,
  memoryLimitBytes: 2 ** 25,
  strategy: 'exhaustive',
  bounds: { ...TEST_BOUNDS, preemptions: 2, signals: [{ signal: 28, task: 2 }] },
};

function explorerOf(
  { guest: { args, env }, kernel, cpus, seed, bounds }: SearchJob,
  { image } = program,
): Explorer {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`no kernel ${kernel}`);
  return new Explorer(
    machine,
    { program: { image, args, env }, profile, vcpus: cpus, seed },
    bounds,
  );
}

/** Searches, and certifies what must be a pass. */
function certify(job: SearchJob, searched = program): Certificate {
  const search = SEARCH_STRATEGIES.exhaustive.open(explorerOf(job, searched));
  const plan = search.plan();
  const unitTallies = plan.units.map((unit) => {
    const counter = new TallyCounter();
    for (const _ of search.explore(unit, counter));
    return counter.tally;
  });
  const tally = unitTallies.reduce(addTallies, EMPTY_TALLY);
  expect(tally.failure).toBeUndefined();
  const passed = { plan, tally, unitTallies, engine: machine.engineId };
  return issueCertificate(explorerOf(job, searched), job, passed);
}

beforeAll(async () => {
  machine = await openTestMachine();
  certificate = certify(JOB);
  facts = establishFacts(explorerOf(JOB), JOB);
}, 120_000);

/** What reading a text as a certificate and checking it against the facts of its job finds. */
function problemsOf(text: string): string[] {
  const read = readCertificate(text, 'test');
  if (read.kind === 'malformed') return [read.problem];
  const { job } = read.certificate;
  if (findProfile(job.kernel) === undefined) return ['there is no such kernel'];
  const isOurs = JSON.stringify(job) === JSON.stringify(certificate.job);
  return disagreements(read.certificate, isOurs ? facts : factsOf(job));
}

function factsOf(job: SearchJob): CertifiedFacts {
  return establishFacts(explorerOf(job), job);
}

test('a certificate holds, and survives being written', () => {
  expect(problemsOf(formatCertificate(certificate))).toEqual([]);
  expect(certificate.units.length).toBeGreaterThan(10);
  expect(certificate.sample.length).toBeGreaterThan(40);
  const doubles = certificate.sample.filter(({ interruptions }) => interruptions.length === 2);
  expect(doubles.length).toBeGreaterThan(10);
});

/** Edits of fields that decide what is searched take a search each to check. */
const isOfJob = ({ path }: Edit): boolean => path.startsWith('job.');

test('no single edit of 100 goes unnoticed', { timeout: 120_000 }, () => {
  const edits = editsOf(certificate);
  const rest = edits.filter((edit) => !isOfJob(edit));
  expect(rest.length).toBeGreaterThan(1000);
  const tried = matrixCases(rest, 100);
  // Nested counts among them, and fields of every part.
  expect(tried.filter(({ path }) => /coverage\.\d+\.\w+\.\d$/.test(path)).length).toBeGreaterThan(
    9,
  );
  expect(new Set(tried.map(({ kind }) => kind)).size).toBe(3);
  for (const { path, kind, text } of tried) expect(rejects(text), `${path} ${kind}`).toBe(true);
});

test('nor does one of what was searched', { timeout: 300_000 }, () => {
  const edits = editsOf(certificate).filter(isOfJob);
  expect(edits.length).toBeGreaterThan(10);
  for (const { path, text } of matrixCases(edits, 5)) expect(rejects(text), path).toBe(true);
});

test.each([
  ['several vCPUs', guest('counter.bin', '2', '1'), { cpus: 2 }, []],
  [
    'signals with a handler',
    guest('bugs/s13-nested-fixed.bin'),
    {},
    [{ signal: 10, task: undefined }],
  ],
] as const)(
  'one of a search with %s is checked alike',
  { timeout: 120_000 },
  (_, searched, settings, signals) => {
    const { image, args, env } = searched;
    const { path, sha256 } = image;
    const bounds = { ...TEST_BOUNDS, preemptions: 1, signals };
    const job = { ...JOB, ...settings, guest: { path, sha256, args, env }, bounds };
    const issued = certify(job, searched);
    const kinds = Object.values(issued.total.coverage).flatMap((row) => Object.keys(row));
    expect(kinds).toContain(signals.length > 0 ? 'signal' : 'overtake');
    const known = establishFacts(explorerOf(job, searched), job);
    const problems = (text: string): number => {
      const read = readCertificate(text, 'test');
      return read.kind === 'malformed' ? 1 : disagreements(read.certificate, known).length;
    };
    expect(problems(formatCertificate(issued))).toBe(0);
    const edits = editsOf(issued).filter((edit) => !/^(job|schema)/.test(edit.path));
    for (const edit of matrixCases(edits, 60))
      expect(problems(edit.text), edit.path).toBeGreaterThan(0);
  },
);

/** Rejected by a problem, or by not being readable at all. */
function rejects(text: string): boolean {
  try {
    return problemsOf(text).length > 0;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
}

/** What only the digest binds: counts that nothing but the search can tell. */
const ONLY_SEARCH_KNOWS =
  /^units\.\d+\.tally\.(\w*[sS]tates|\w*[mM]erge\w*|instructions|schedules|cov\S+\.1|cuts\.\w+)$/;
const BOUND_BY_DIGEST = /^(engine|digest|schema|job\.)/;

test('the digest aside, edits contradict a recount, a sum or a sample', {
  timeout: 120_000,
}, () => {
  for (const { path, value } of matrixCases(editsOf(certificate), 400)) {
    if (ONLY_SEARCH_KNOWS.test(path) || BOUND_BY_DIGEST.test(path)) continue;
    const read = readCertificate(JSON.stringify(value), 'test');
    if (read.kind === 'malformed') continue;
    const again = sealed(read.certificate);
    expect(disagreements(again, facts), path).not.toEqual([]);
  }
});

describe('a certificate that was sealed again does not hold', () => {
  const resealed = (change: Partial<Certificate>): string[] =>
    problemsOf(formatCertificate(sealed({ ...certificate, ...change })));

  test('with a boundary left out everywhere', () => {
    const [{ address = 0 } = {}] = certificate.boundaries;
    const units = certificate.units.map((unit) => {
      const { [address]: _, ...coverage } = unit.tally.coverage;
      return { ...unit, tally: { ...unit.tally, coverage } };
    });
    const total = units.map(({ tally }) => tally).reduce(addTallies, EMPTY_TALLY);
    const boundaries = certificate.boundaries.slice(1);
    expect(resealed({ units, total, boundaries }).length).toBeGreaterThan(0);
    expect(resealed({ units, total }).join()).toMatch('recount');
  });

  test('with a unit left out', () => {
    const units = certificate.units.slice(0, -1);
    const total = units.map(({ tally }) => tally).reduce(addTallies, EMPTY_TALLY);
    expect(resealed({ units, total })).toContain('units: the search has others');
  });

  test('of a search with time-outs', () => {
    const total = { ...certificate.total, cuts: { timeout: 1 } };
    expect(resealed({ total })).toContain('verdict: it is no pass');
  });

  test.each<[string, Partial<SearchJob>]>([
    ['kernel', { kernel: 'linux-6.19' }],
    ['bound', { bounds: { ...JOB.bounds, preemptions: 1 } }],
    ['number of entries', { bounds: { ...JOB.bounds, entries: 3 } }],
    ['number of vCPUs', { cpus: 2 }],
  ])('of another %s', { timeout: 120_000 }, (_, change) => {
    expect(resealed({ job: { ...JOB, ...change } }).length).toBeGreaterThan(0);
  });
});

test.each(['', '{', '[]', '{"schema":{"name":"rseq-testbed/search","version":1}}'])(
  'what is no certificate is refused: %s',
  (text) => {
    expect(() => readCertificate(text, 'FILE')).toThrow(/^FILE: not a certificate/);
  },
);
