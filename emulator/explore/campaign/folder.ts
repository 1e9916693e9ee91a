import { closeSync, fsyncSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { UserError } from '../../errors.ts';
import type { Tally } from '../search/tally.ts';
import type { SearchPlan } from '../search/unit.ts';
import {
  checkedLine,
  makeFolder,
  orRefuse,
  readCheckedLine,
  readIfThere,
  writeAll,
  writeAtomically,
} from './checked-file.ts';
import { lockFolder } from './folder-lock.ts';
import { jobSchema, type SearchJob } from './job.ts';
import { encodeTally, planSchema, tallySchema } from './tally-schema.ts';

const CAMPAIGN_SCHEMA = { name: 'rseq-testbed/campaign', version: 2 } as const;
const JOB_FILE = 'job.json';
const PLAN_FILE = 'plan.json';
const RESULTS_FILE = 'results.log';
const LOCK_FILE = 'lock';
const MILLISECONDS_BETWEEN_SYNCS = 1000;

const index = v.pipe(v.number(), v.integer(), v.minValue(0));
const schema = v.strictObject({
  name: v.literal(CAMPAIGN_SCHEMA.name),
  version: v.literal(CAMPAIGN_SCHEMA.version),
});
const jobFileSchema = v.strictObject({ schema, job: jobSchema });
const planFileSchema = v.strictObject({ engine: v.string(), plan: planSchema });
const resultSchema = v.strictObject({ unit: index, tally: tallySchema });

/** What was known when a campaign was last seen. */
interface Known {
  readonly plan: SearchPlan | undefined;
  /** By the index of the unit, explored whole. */
  readonly tallies: ReadonlyMap<number, Tally>;
}

const NOTHING_KNOWN: Known = { plan: undefined, tallies: new Map() };

/**
 * The folder of a campaign (`--out`, `--resume`): the job and the plan, written once, and a log to
 * which each unit's result is appended as it comes. Whatever process dies when, what the log holds
 * is good: a line without an end was being written then, and does not count.
 */
export class CampaignFolder {
  readonly path: string;
  readonly job: SearchJob;
  readonly known: Known;
  #release: (() => void) | undefined;
  #log: number | undefined;
  #syncedAt = performance.now();

  private constructor(path: string, job: SearchJob, known: Known, release: () => void) {
    this.path = path;
    this.job = job;
    this.known = known;
    this.#release = release;
  }

  /** Begins a campaign. @throws UserError for a folder that has one already, or cannot be written. */
  static create(path: string, job: SearchJob): CampaignFolder {
    orRefuse(path, () => makeFolder(path));
    const release = lockFolder(path, join(path, LOCK_FILE));
    try {
      const jobFile = join(path, JOB_FILE);
      if (readIfThere(jobFile) !== undefined) {
        throw new UserError(
          'campaign-exists',
          `${path} holds a campaign already; --resume ${path} goes on with it`,
        );
      }
      writeAtomically(jobFile, checkedLine({ schema: CAMPAIGN_SCHEMA, job }));
      return new CampaignFolder(path, job, NOTHING_KNOWN, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Takes up a campaign. @throws UserError where there is none, or it is damaged. */
  static open(path: string): CampaignFolder {
    const jobFile = readChecked(path, JOB_FILE, jobFileSchema);
    if (jobFile === undefined) {
      throw new UserError('campaign-missing', `${path} holds no campaign`);
    }
    const release = lockFolder(path, join(path, LOCK_FILE));
    try {
      const plan = readChecked(path, PLAN_FILE, planFileSchema)?.plan;
      const tallies = plan === undefined ? new Map() : readResults(path, plan.units.length);
      return new CampaignFolder(path, jobFile.job, { plan, tallies }, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Notes the plan, unless it is known. */
  begin(plan: SearchPlan, engine: string): void {
    if (this.known.plan !== undefined) return;
    writeAtomically(join(this.path, PLAN_FILE), checkedLine({ engine, plan }));
  }

  /** Notes what a unit came to. */
  append(unit: number, tally: Tally): void {
    const path = join(this.path, RESULTS_FILE);
    orRefuse(path, () => {
      this.#log ??= openSync(path, 'a');
      writeAll(this.#log, checkedLine({ unit, tally: encodeTally(tally) }));
      // A process that is killed loses nothing that it wrote; this is for machines.
      const now = performance.now();
      if (tally.failure === undefined && now - this.#syncedAt < MILLISECONDS_BETWEEN_SYNCS) return;
      fsyncSync(this.#log);
      this.#syncedAt = now;
    });
  }

  close(): void {
    if (this.#log !== undefined) {
      fsyncSync(this.#log);
      closeSync(this.#log);
      this.#log = undefined;
    }
    this.#release?.();
    this.#release = undefined;
  }
}

/** The tallies in the log; cuts an unfinished line off its end. */
function readResults(folder: string, units: number): Map<number, Tally> {
  const path = join(folder, RESULTS_FILE);
  const text = readIfThere(path) ?? '';
  const tallies = new Map<number, Tally>();
  const end = text.lastIndexOf('\n') + 1;
  const lines = text.slice(0, end).split('\n').slice(0, -1);
  for (const [number, line] of lines.entries()) {
    const result = v.safeParse(resultSchema, readCheckedLine(line));
    if (!result.success || result.output.unit >= units) throw damaged(`${path} line ${number + 1}`);
    const { unit, tally } = result.output;
    tallies.set(unit, tally);
  }
  if (end < text.length) {
    orRefuse(path, () => {
      const descriptor = openSync(path, 'r+');
      ftruncateSync(descriptor, Buffer.byteLength(text.slice(0, end)));
      closeSync(descriptor);
    });
  }
  return tallies;
}

/** A file of one checked line; `undefined` if there is none. */
function readChecked<T>(
  folder: string,
  name: string,
  fileSchema: v.GenericSchema<unknown, T>,
): T | undefined {
  const path = join(folder, name);
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const result = v.safeParse(fileSchema, readCheckedLine(text.replace(/\n$/, '')));
  if (!result.success) throw damaged(path);
  return result.output;
}

function damaged(what: string): UserError {
  return new UserError('checkpoint-damaged', `${what} is damaged, or of another version`);
}
