import type { Scheme } from '../../../kernel-model/rseq/scheme.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import type { VariantFixture } from './contract.ts';
import { HISTORICAL_FIXTURES } from './historical/fixtures.ts';
import { mainline, mainlineExtended } from './mainline-fixture.ts';

const FIXTURES: Readonly<Record<Scheme, VariantFixture>> = { ...HISTORICAL_FIXTURES, mainline };

/**
 * How the contract tries a kernel: as programs of its scheme use it, and with a longer area as well
 * where it publishes the size of one.
 */
export function fixturesOf(profile: KernelProfile): VariantFixture[] {
  const { scheme, rseq, lostEvents = [] } = profile;
  const own = FIXTURES[scheme];
  const all = rseq.auxv === undefined ? [own] : [own, mainlineExtended];
  return all.map((fixture) => ({
    ...fixture,
    name: fixture.name ?? `the area of ${scheme}`,
    ignores: [...(fixture.ignores ?? []), ...lostEvents],
  }));
}
