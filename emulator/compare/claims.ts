import type { TestableClaim } from './claim.ts';
import { ABI_CLAIMS } from './claims-abi.ts';
import { KEY_CLAIMS } from './claims-keys.ts';

/** Every claim of the debate, in the order of their numbers. */
export const CLAIMS: readonly TestableClaim[] = [...ABI_CLAIMS, ...KEY_CLAIMS].sort(
  (a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)),
);
