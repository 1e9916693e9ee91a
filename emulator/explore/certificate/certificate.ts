import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { UserError } from '../../errors.ts';
import { describeIssue } from '../../schema-issue.ts';
import { jobSchema, type SearchJob } from '../campaign/job.ts';
import { placedSchema, planSchema, tallySchema, unitSchema } from '../campaign/tally-schema.ts';
import type { PlacedInterruption } from '../search/interruption.ts';
import type { Tally } from '../search/tally.ts';
import type { SearchPlan, WorkUnit } from '../search/unit.ts';

export const CERTIFICATE_SCHEMA = { name: 'rseq-testbed/certificate', version: 2 } as const;

/** A schedule that was run for the certificate: it passes. */
export interface SampledSchedule {
  readonly interruptions: readonly PlacedInterruption[];
  readonly instructions: number;
  readonly stateHash: string;
}

/** What a search claims to have covered, in a form that can be checked without it. */
export interface Certificate {
  readonly schema: typeof CERTIFICATE_SCHEMA;
  readonly memoryModel: 'SC';
  readonly verdict: 'pass';
  readonly engine: string;
  readonly job: SearchJob;
  readonly boundaries: SearchPlan['boundaries'];
  readonly leftOut: SearchPlan['leftOut'];
  /** The units of the search with what each came to. */
  readonly units: readonly (WorkUnit & { readonly tally: Tally })[];
  /** What they come to in all. */
  readonly total: Tally;
  readonly sample: readonly SampledSchedule[];
  /** SHA-256 of the JSON text of all the rest. */
  readonly digest: string;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const { boundaries, leftOut } = planSchema.entries;

const certificateSchema = v.strictObject({
  schema: v.strictObject({
    name: v.literal(CERTIFICATE_SCHEMA.name),
    version: v.literal(CERTIFICATE_SCHEMA.version),
  }),
  memoryModel: v.literal('SC'),
  verdict: v.literal('pass'),
  engine: v.string(),
  job: jobSchema,
  boundaries,
  leftOut,
  units: v.array(v.strictObject({ ...unitSchema.entries, tally: tallySchema })),
  total: tallySchema,
  sample: v.array(
    v.strictObject({
      interruptions: v.array(placedSchema),
      instructions: count,
      stateHash: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
    }),
  ),
  digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
} satisfies Record<keyof Certificate, v.GenericSchema>);

/** A certificate with the digest of its content. */
export function sealed(content: Omit<Certificate, 'digest'>): Certificate {
  return { ...content, digest: digestOf(content) };
}

/** The digest that belongs to a certificate's content, whatever the order of its keys. */
export function digestOf(content: Omit<Certificate, 'digest'>): string {
  const text = JSON.stringify({ ...content, digest: undefined }, (_, value: unknown) =>
    isPlainObject(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(text).digest('hex');
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The JSON text of a certificate. */
export function formatCertificate(certificate: Certificate): string {
  return `${JSON.stringify(certificate, null, 1)}\n`;
}

/** What reading a certificate came to: malformed ones claim nothing that holds. */
export type ReadCertificate =
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  | { readonly kind: 'malformed'; readonly problem: string };

/**
 * Reads the JSON text of a certificate. `name` is how messages call it.
 * @throws UserError `certificate-unreadable` for what is not JSON, or JSON of something else.
 */
export function readCertificate(text: string, name: string): ReadCertificate {
  const refuse = (why: string) => new UserError('certificate-unreadable', `${name}: ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse('not a certificate: not JSON');
  }
  const anySchema = v.object({ schema: v.object({ name: v.string(), version: v.number() }) });
  const outer = v.safeParse(anySchema, value);
  if (!outer.success) throw refuse('not a certificate');
  const { schema } = outer.output;
  if (schema.name !== CERTIFICATE_SCHEMA.name) throw refuse(`not a certificate: ${schema.name}`);
  if (schema.version !== CERTIFICATE_SCHEMA.version) {
    throw refuse(`certificates of version ${schema.version} are not known`);
  }
  const result = v.safeParse(certificateSchema, value, { abortEarly: true });
  if (result.success) return { kind: 'certificate', certificate: result.output };
  const [issue] = result.issues;
  return { kind: 'malformed', problem: describeIssue(issue) };
}
