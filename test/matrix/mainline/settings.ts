import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';

/** The kernels that mainline's programs run under, with right results. */
export const MAINLINE = Object.values<KernelProfile>(PROFILES).filter(
  ({ scheme, lostEvents }) => scheme === 'mainline' && lostEvents === undefined,
);

export const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);

/** How a run is interrupted. */
export interface Setting {
  readonly cpus: number;
  readonly tick: number;
  readonly seed: number;
}

/** The settings of the matrices with so many vCPUs. */
export function settingsOn(cpus: number): readonly Setting[] {
  return [1, 3, 7, 50, 1000].flatMap((tick) => SEEDS.map((seed) => ({ cpus, tick, seed })));
}

/** As options of `emulate`. */
export function settingToString({ cpus, tick, seed }: Setting): string {
  return `--cpus ${cpus} --tick ${tick} --seed ${seed}`;
}
