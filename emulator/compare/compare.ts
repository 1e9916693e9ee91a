import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import { judgeClaims } from './claim.ts';
import { CLAIMS } from './claims.ts';
import { measureKeys } from './keys.ts';
import { measureProgram, measureWorkload } from './measure.ts';
import { COMPARE_SCHEMA, type CompareReport } from './report.ts';
import type { CompareRow } from './rows.ts';
import type { Workload } from './subject.ts';

/** What is compared: a workload, each kernel with its own build, or one program under all. */
export type Subject =
  | { readonly kind: 'workload'; readonly workload: Workload }
  | { readonly kind: 'program'; readonly image: ProgramImage; readonly args: readonly string[] };

/** Asked before each kernel is measured; may wait, which lets other things happen; false stops. */
export type OnProgress = (done: number, all: number, profile: string) => Promise<boolean>;

/**
 * Measures a subject under each kernel and judges the claims by what came out. The machine must log
 * loads. Stopped early, it reports on the kernels that were measured. The claims are those of the
 * debate, so they need the workloads.
 */
export async function compare(
  machine: Machine,
  subject: Subject,
  profiles: readonly KernelProfile[],
  onProgress: OnProgress = async () => true,
): Promise<CompareReport> {
  const rows: CompareRow[] = [];
  for (const profile of profiles) {
    if (!(await onProgress(rows.length, profiles.length, profile.name))) break;
    rows.push(
      subject.kind === 'workload'
        ? measureWorkload(machine, profile, subject.workload)
        : measureProgram(machine, profile, subject.image, subject.args),
    );
  }
  const keys = subject.kind === 'workload' ? measureKeys(machine) : undefined;
  await onProgress(rows.length, profiles.length, '');
  return {
    schema: COMPARE_SCHEMA,
    engine: machine.engineId,
    memoryModel: 'SC',
    ...(subject.kind === 'workload' && { workload: subject.workload }),
    rows,
    ...(keys !== undefined && { keys }),
    claims: keys === undefined ? [] : judgeClaims(CLAIMS, { rows, keys }),
  };
}
