import { assert } from '../../../kernel-model/assert.ts';
import type { SearchJob } from '../campaign/job.ts';
import type { Explorer } from '../search/explorer.ts';
import type { SearchResult } from '../search/run-search.ts';
import type { Tally } from '../search/tally.ts';
import { CERTIFICATE_SCHEMA, type Certificate, sealed } from './certificate.ts';
import { disagreements } from './check.ts';
import { establishFacts } from './facts.ts';

/** A search that passed, with what each unit of its plan came to. */
export interface PassedSearch extends Pick<SearchResult, 'plan' | 'tally'> {
  readonly unitTallies: readonly (Tally | undefined)[];
  readonly engine: string;
}

/** Strategies whose units say what they cover. */
export const CERTIFIED_STRATEGIES: readonly SearchJob['strategy'][] = ['exhaustive'];

/**
 * The certificate of a search by one of CERTIFIED_STRATEGIES that passed. It is checked before it
 * is given out: one that does not hold is a mistake of ours.
 */
export function issueCertificate(
  explorer: Explorer,
  job: SearchJob,
  { plan, tally: total, unitTallies, engine }: PassedSearch,
): Certificate {
  const facts = establishFacts(explorer, job);
  const units = plan.units.map((unit, index) => {
    const tally = unitTallies[index];
    assert(tally !== undefined, 'a search that passed has explored each unit', index);
    return { ...unit, tally };
  });
  const certificate = sealed({
    schema: CERTIFICATE_SCHEMA,
    memoryModel: 'SC',
    verdict: 'pass',
    engine,
    job,
    boundaries: plan.boundaries,
    leftOut: plan.leftOut,
    units,
    total,
    sample: facts.sample.map(({ schedule }) => schedule),
  });
  const [problem] = disagreements(certificate, facts);
  assert(problem === undefined, `a certificate holds when it is issued: ${problem}`);
  return certificate;
}
