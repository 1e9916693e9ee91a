/** Errors break a guarantee of the ABI; warnings are risks, or trouble for tools. */
export type Severity = 'error' | 'warning';

/** How a rule is checked: in the machine code, in a run, or in both. */
export type RuleCheck = 'static' | 'dynamic';

/**
 * Families of rseq ABIs as rules tell them apart: `mainline` is Linux 4.18 and later, `rfc-2017` has
 * its descriptors but arms after start_ip, `desnoyers-2016b` has descriptors of three addresses
 * without a signature, `other` has none at all.
 */
export type AbiFamily = 'mainline' | 'rfc-2017' | 'desnoyers-2016b' | 'other';

/** What is known of a program depends on how its file is made. */
export type ImageKind = 'executable' | 'shared-object' | 'relocatable' | 'flat';

export const IMAGE_KINDS: readonly ImageKind[] = [
  'executable',
  'shared-object',
  'relocatable',
  'flat',
];

/** Families whose descriptors are struct rseq_cs. */
export const RSEQ_CS_FAMILIES: readonly AbiFamily[] = ['mainline', 'rfc-2017'];
/** Families with descriptors in memory. */
export const DESCRIPTOR_FAMILIES: readonly AbiFamily[] = [...RSEQ_CS_FAMILIES, 'desnoyers-2016b'];
export const ALL_FAMILIES: readonly AbiFamily[] = [...DESCRIPTOR_FAMILIES, 'other'];

/** A rule as the catalogue describes it; what it looks for is code elsewhere. */
export interface Rule {
  readonly id: `R${number}`;
  /** A few words joined by hyphens, for reports of other tools. */
  readonly name: string;
  /** One line: what has to be so. */
  readonly title: string;
  /** Of findings, by how the rule is checked; a check that it does not have is left out. */
  readonly severity: Readonly<Partial<Record<RuleCheck, Severity>>>;
  readonly rationale: string;
  readonly fix: string;
  readonly families: readonly AbiFamily[];
  readonly images: readonly ImageKind[];
  /** Kernels that punish a violation themselves; left out where none does. */
  readonly enforcedBy?: string;
  /** Code that looks like a violation and is none, or what is not said of some files. */
  readonly accepted?: string;
}

/** `static`, `dynamic` or `both`. */
export function checkedBy({ severity }: Rule): RuleCheck | 'both' {
  if (severity.static === undefined) return 'dynamic';
  return severity.dynamic === undefined ? 'static' : 'both';
}
