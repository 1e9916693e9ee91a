import type { KeyRow } from './keys.ts';
import type { CompareRow } from './rows.ts';

/** One statement of the debate. */
export interface Claim {
  readonly id: string;
  /** Whose proposal it is about. */
  readonly about: string;
  readonly claim: string;
}

/** What the rows say of it. */
export interface Finding {
  readonly holds: boolean;
  readonly figures: Readonly<Record<string, number | string | boolean>>;
  /** One sentence with the figures in it. */
  readonly verdict: string;
}

/** A claim with its finding; `holds` is null where the rows it needs were not measured. */
export interface JudgedClaim extends Claim, Omit<Finding, 'holds'> {
  readonly holds: boolean | null;
}

/** What claims are judged by. */
export interface Evidence {
  readonly rows: readonly CompareRow[];
  readonly keys?: KeyRow;
}

/** A claim that can be tested; `judge` gives `undefined` where evidence is lacking. */
export interface TestableClaim extends Claim {
  judge(evidence: Evidence): Finding | undefined;
}

export function judgeClaims(
  claims: readonly TestableClaim[],
  evidence: Evidence,
): readonly JudgedClaim[] {
  return claims.map(({ judge, ...claim }) => {
    const finding = judge(evidence);
    if (finding !== undefined) return { ...claim, ...finding };
    return { ...claim, holds: null, figures: {}, verdict: 'not measured: its rows are not here' };
  });
}

export function rowOf({ rows }: Evidence, profile: string): CompareRow | undefined {
  return rows.find((row) => row.profile === profile);
}

/** The newest mainline kernel measured, to hold proposals against. */
export function mainlineRow({ rows }: Evidence): CompareRow | undefined {
  return rows.findLast((row) => row.profile.startsWith('linux-'));
}
