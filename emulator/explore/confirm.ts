import type { Finding } from '../validate/finding.ts';
import type { SuspectCode } from './search/bounds.ts';
import type { Failure, FoundViolation, Tally } from './search/tally.ts';

/** What a search has to say for a finding in machine code. */
export type Evidence =
  /** Validators found the same rule, or another one, broken in the section. */
  | { readonly kind: 'finding'; readonly found: FoundViolation }
  /** A schedule fails that interrupts the program in the section only. */
  | { readonly kind: 'failure'; readonly failure: Failure };

/** Code so close to a section belongs to it: what chooses the index, and what was flagged there. */
const AROUND_BYTES = 64;

/** The code of each section with findings. */
export function suspectsOf(findings: readonly Finding[]): readonly SuspectCode[] {
  const sections = new Map<number, SuspectCode>();
  for (const { section, address } of findings) {
    if (section === undefined) continue;
    const known = sections.get(section.start);
    const end = known?.end ?? section.end + 1;
    const isBehind = address >= end && address < section.end + AROUND_BYTES;
    sections.set(section.start, {
      section: section.start,
      start: section.start - AROUND_BYTES,
      end: isBehind ? address + 1 : end,
    });
  }
  return [...sections.values()];
}

/**
 * The evidence for a finding: its own rule in a run, else a schedule that fails, else an error of
 * another rule; `suspects` are those that the search was given.
 */
export function evidenceFor(
  { rule, section }: Finding,
  suspects: readonly SuspectCode[],
  { findings, failuresIn }: Tally,
): Evidence | undefined {
  if (section === undefined) return undefined;
  const inSection = findings.filter(({ finding }) => finding.section?.start === section.start);
  const same = inSection.find(({ finding }) => finding.rule === rule);
  if (same !== undefined) return { kind: 'finding', found: same };
  const failing = failuresIn.find(({ suspect }) => suspects[suspect]?.section === section.start);
  if (failing !== undefined) return { kind: 'failure', failure: failing.failure };
  const other = inSection.find(({ finding }) => finding.severity === 'error');
  return other && { kind: 'finding', found: other };
}
