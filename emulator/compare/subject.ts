import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assert } from '../../kernel-model/assert.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { UserError } from '../errors.ts';
import { DefaultStrategy } from '../explore/strategies/default.ts';
import type { ProgramImage } from '../loader/image.ts';
import { loadProgram } from '../loader/load.ts';
import type { Machine } from '../machine/machine.ts';
import type { GuestAccess } from '../machine/run.ts';
import type { Strategy } from '../machine/strategy.ts';
import { Attempts } from './attempts.ts';
import { CountingKernel } from './counting-variant.ts';

/** The workloads that every ABI has a build of, by the last word of their files' names. */
export const WORKLOAD_FILES = { counter: 'counter', list: 'list', 'long-section': 'long' } as const;

export type Workload = keyof typeof WORKLOAD_FILES;

export const WORKLOADS = Object.keys(WORKLOAD_FILES) as Workload[];

/** The kernels of the default comparison: every scheme of the debate, and mainline where it turned. */
export const DEFAULT_KERNELS = [
  'turner-v1',
  'turner-v2',
  'getcpu-cache',
  'thread-local-abi',
  'lutomirski-2016',
  'desnoyers-2016a',
  'desnoyers-2016b',
  'rfc-2017',
  'linux-4.18',
  'linux-6.18',
  'linux-6.19',
  'linux-7.1',
] as const;

/** `guest/` of the project that this file, or a bundle made of it, lies in. */
function guestFolder(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const guests = join(folder, 'guest');
    if (existsSync(join(guests, 'abi'))) return guests;
  }
  throw new UserError('no-guests', 'compare: found no guest/abi folder with the workloads');
}

/** A program by its path in the folder of the guests. */
export function guestImage(path: string): ProgramImage {
  return loadProgram(join(guestFolder(), path)).image;
}

/** The build of a workload for a kernel: that of its scheme. */
export function workloadImage({ scheme }: KernelProfile, workload: Workload): ProgramImage {
  return guestImage(`abi/${scheme}-${WORKLOAD_FILES[workload]}.bin`);
}

/** A run under measurement, not started yet. */
export interface MeasuredRun {
  readonly kernel: CountingKernel;
  readonly attempts: Attempts;
  /** Told of each access of the guest while set. */
  onAccess: ((access: GuestAccess) => void) | undefined;
}

export interface MeasuredRunOptions {
  readonly profile: KernelProfile;
  readonly image: ProgramImage;
  readonly args: readonly string[];
  readonly vcpus: number;
  readonly maxInstructions: number;
  readonly strategy: Strategy;
}

/** Boots a program with everything watched that `compare` tells. */
export function bootMeasured(machine: Machine, options: MeasuredRunOptions): MeasuredRun {
  const { profile, image, args, ...rest } = options;
  const taskOf = (id: number) => {
    const task = machine.kernel.state.tasks[id - 1];
    assert(task !== undefined, 'a task that ran exists', id);
    return task;
  };
  const attempts = new Attempts((id) => ({
    vcpu: taskOf(id).vcpu,
    space: machine.kernel.processOf(taskOf(id)).space,
  }));
  const kernel = new CountingKernel(profile, (task) => machine.kernel.rseqContext(task));
  const run: MeasuredRun = { kernel, attempts, onAccess: undefined };
  machine.boot({
    ...rest,
    profile: kernel.profile,
    program: { image, args, env: [] },
    seed: SEED,
    output: () => {},
    onAccess: (access) => {
      attempts.access(access);
      run.onAccess?.(access);
    },
  });
  machine.onSectionEnd = (task, end) => attempts.sectionEnded(task, end);
  machine.kernel.memoryOf(machine.kernel.processOf(taskOf(1))).observer = kernel.onKernelAccess;
  return run;
}

const SEED = 1;

/** The default scheduler without help for sections that keep being aborted. */
export function plainScheduler(tickInstructions: number, seed = SEED): Strategy {
  return new DefaultStrategy({ seed, tickInstructions, escalate: false });
}
