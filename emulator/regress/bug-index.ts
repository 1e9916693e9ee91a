import { existsSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { findProfile } from '../../kernel-model/rseq/resolve.ts';
import { UserError } from '../errors.ts';
import { describeIssue } from '../schema-issue.ts';
import { guestFile } from './guest-file.ts';

export const BUG_INDEX_SCHEMA = { name: 'rseq-testbed/bugs', version: 1 } as const;

const INTERRUPTIONS_MAX = 4;
const integer = (low: number, high = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));

/** How a bug ends the process. */
const bugOutcome = v.variant('kind', [
  v.strictObject({ kind: v.literal('exit'), status: integer(1, 255) }),
  v.strictObject({ kind: v.literal('signal'), signal: integer(1, 64) }),
  v.strictObject({ kind: v.literal('livelock') }),
  v.strictObject({ kind: v.literal('budget') }),
]);

/** Kinds of interruption, in the order in which they are listed. */
const BUG_NEEDS = [...(['spurious', 'preempt', 'migrate', 'fence', 'overtake', 'signal'] as const)];

const twin = v.strictObject({ bin: guestFile, elf: guestFile });

const bugSchema = v.strictObject({
  /** Also the name of its files and of the program's messages. */
  id: v.pipe(v.string(), v.regex(/^[a-z0-9-]+$/)),
  /** Its number among the known bugs (B) and the made-up ones (S). */
  item: v.pipe(v.string(), v.regex(/^[BS]\d+$/)),
  title: v.string(),
  /** Where it was found, or what it is a mutation of. */
  source: v.string(),
  /** The rule of docs/abi that it breaks. */
  rule: v.nullable(v.pipe(v.string(), v.regex(/^R\d+$/))),
  /** As `--kernel` takes it. */
  kernel: v.pipe(
    v.string(),
    v.check((name) => findProfile(name) !== undefined, 'no such kernel'),
  ),
  vcpus: integer(1, 64),
  args: v.array(v.string()),
  /** Signals that may come from outside, by number. */
  signals: v.array(integer(1, 64)),
  /** The fewest interruptions that make it fail. */
  interruptions: integer(0, INTERRUPTIONS_MAX),
  /** A set of interruptions of that number that does; empty where none is needed. */
  needs: v.array(v.picklist(BUG_NEEDS)),
  /** Where the fault is, in both twins. */
  faulty: v.strictObject({ symbol: v.string(), offset: integer(0) }),
  outcome: bugOutcome,
  file: v.string(),
  defines: v.array(v.string()),
  buggy: twin,
  fixed: twin,
});

const indexSchema = v.strictObject({
  schema: v.strictObject({
    name: v.literal(BUG_INDEX_SCHEMA.name),
    version: v.literal(BUG_INDEX_SCHEMA.version),
  }),
  bugs: v.array(bugSchema),
});

/** One seeded bug and its fixed twin, the same program without the mistake. */
export type Bug = v.InferOutput<typeof bugSchema>;
export type BugOutcome = v.InferOutput<typeof bugOutcome>;
export type BugIndex = v.InferOutput<typeof indexSchema>;

/**
 * The index of the seeded bugs, from the text of `index.json`; `path` is for messages.
 * @throws UserError `bug-index` where it is not one.
 */
export function parseBugIndex(path: string, text: string): BugIndex {
  const parsed = v.safeParse(indexSchema, parseJson(path, text));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new UserError('bug-index', `${path}: ${describeIssue(issue)}`);
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError('bug-index', `${path}: not JSON`);
  }
}

/**
 * Reads the index from its file.
 * @throws UserError `bug-index` where it cannot be read or is not one.
 */
export function readBugIndex(path: string): BugIndex {
  if (!existsSync(path)) throw new UserError('bug-index', `${path}: no such file`);
  return parseBugIndex(path, readFileSync(path, 'utf8'));
}
