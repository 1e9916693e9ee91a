import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { UserError } from '../errors.ts';
import { describeIssue } from '../schema-issue.ts';
import { guestFile } from './guest-file.ts';

/** What a guest must do: end like this under every schedule, or fail under some schedule. */
const verdict = [
  v.object({ kind: v.literal('exit'), status: v.number(), stdout: v.string() }),
  v.object({ kind: v.literal('some-seed-fails'), status: v.number() }),
] as const;

const expectation = v.variant('kind', [
  ...verdict,
  v.object({ kind: v.literal('signal'), signal: v.number(), stdout: v.string() }),
]);

const guest = {
  name: v.string(),
  args: v.array(v.string()),
  files: v.object({ bin: guestFile, elf: guestFile }),
};

const manifestSchema = v.object({
  schema: v.object({ name: v.literal('rseq-testbed/guests'), version: v.literal(1) }),
  guests: v.array(
    v.object({ ...guest, kernel: v.optional(v.string()), expected: v.variant('kind', verdict) }),
  ),
  kernelGuests: v.array(v.object({ ...guest, outcomes: v.record(v.string(), expectation) })),
});

/** How a guest of the manifest has to end. */
export type Expectation = v.InferOutput<typeof expectation>;

/** One guest of the manifest under one kernel. */
export interface GuestCase {
  readonly name: string;
  /** Relative to the folder of the manifest. */
  readonly path: string;
  readonly args: readonly string[];
  /** As `--kernel` takes it. */
  readonly kernel: string;
  readonly expected: Expectation;
}

const DEFAULT_KERNEL = 'linux-6.18';

/**
 * The guests of a manifest, those of `kernel/` once for each kernel that it has an outcome for.
 * @throws UserError `manifest` where the file is none.
 */
export function readGuestCases(path: string): GuestCase[] {
  const parsed = v.safeParse(manifestSchema, readJson(path));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new UserError('manifest', `${path}: ${describeIssue(issue)}`);
  }
  const { guests, kernelGuests } = parsed.output;
  return [
    ...guests.map(({ name, args, files, kernel = DEFAULT_KERNEL, expected }) => ({
      ...{ name, args, kernel, expected },
      path: files.bin.path,
    })),
    ...kernelGuests.flatMap(({ name, args, files, outcomes }) =>
      Object.entries(outcomes).map(([kernel, expected]) => ({
        ...{ name: `kernel/${name}`, args, kernel, expected },
        path: files.bin.path,
      })),
    ),
  ];
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw new UserError('manifest', `${path}: cannot be read as JSON`);
  }
}
