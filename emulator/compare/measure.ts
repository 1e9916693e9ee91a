import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { UserError } from '../errors.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import { measureExpectedCount } from './expected-count.ts';
import { measureInterference } from './interference.ts';
import { isThrough, type Load, type LoadRow, runUnderLoad } from './load.ts';
import { measureProtocol } from './protocol.ts';
import type { CompareRow, HeavyLoadRow } from './rows.ts';
import { measureStepping } from './stepping.ts';
import { type Workload, workloadImage } from './subject.ts';

/** Operations of each task under load. */
const OPERATIONS: Readonly<Record<Workload, number>> = {
  counter: 100,
  list: 50,
  'long-section': 10,
};

const VCPUS = 2;
const TASKS_PER_VCPU = [2, 8] as const;
const TICKS_INSTRUCTIONS = [20, 100, 500] as const;

const LOADS: readonly Load[] = TASKS_PER_VCPU.flatMap((tasksPerVcpu) =>
  TICKS_INSTRUCTIONS.map((tickInstructions) => ({ vcpus: VCPUS, tasksPerVcpu, tickInstructions })),
);

/** Loads for a program that brings its own tasks. */
const FILE_LOADS: readonly Load[] = [1, 2].flatMap((vcpus) =>
  TICKS_INSTRUCTIONS.map((tickInstructions) => ({
    vcpus,
    tasksPerVcpu: undefined,
    tickInstructions,
  })),
);

/** One vCPU, and slices far shorter than the long section. */
const HEAVY = { vcpus: 1, tickInstructions: 50 } as const;
const HEAVY_OPERATIONS = 20;
const HEAVY_INSTRUCTIONS_MAX = 100_000;

/** Of a program that brings its own work. */
const PROGRAM_INSTRUCTIONS_MAX = 3_000_000;

const UNINTERRUPTED: Load = { vcpus: 1, tasksPerVcpu: 1, tickInstructions: 1_000_000_000 };

/** Measures the builds that the workloads have for a kernel. */
export function measureWorkload(
  machine: Machine,
  profile: KernelProfile,
  workload: Workload,
): CompareRow {
  const image = workloadImage(profile, workload);
  const counter = workloadImage(profile, 'counter');
  const long = workloadImage(profile, 'long-section');
  const loads = LOADS.map((load) => {
    const tasks = load.vcpus * (load.tasksPerVcpu ?? 1);
    const args = [String(tasks), String(OPERATIONS[workload])];
    return runUnderLoad(machine, { profile, image, args }, load);
  });
  const interference = measureInterference(machine, profile, long);
  const expectedCount = measureExpectedCount(machine, profile, counter);
  const protocol = measureProtocol(machine, profile, counter);
  const stepping = measureStepping(machine, profile, counter);
  return {
    profile: profile.name,
    inferred: profile.inferred,
    guest: describe(image),
    fastPathInstructions: measureFastPath(machine, profile, image),
    loads,
    heavyLoad: measureHeavyLoad(machine, profile, long),
    ...(interference !== undefined && { interference }),
    ...(expectedCount !== undefined && { expectedCount }),
    ...(protocol !== undefined && { protocol }),
    ...(stepping.length > 0 && { stepping }),
  };
}

/** Measures a program as it is. */
export function measureProgram(
  machine: Machine,
  profile: KernelProfile,
  image: ProgramImage,
  args: readonly string[],
): CompareRow {
  const run = (load: Load) =>
    runUnderLoad(machine, { profile, image, args }, load, PROGRAM_INSTRUCTIONS_MAX);
  return {
    profile: profile.name,
    inferred: profile.inferred,
    guest: describe(image),
    fastPathInstructions: run({ ...UNINTERRUPTED, tasksPerVcpu: undefined }).instructions,
    loads: FILE_LOADS.map(run),
  };
}

function describe({ path, sha256 }: ProgramImage): CompareRow['guest'] {
  return { path: path.slice(path.lastIndexOf('guest/')), sha256 };
}

/** What one more operation costs a task that nobody interrupts, exactly. */
function measureFastPath(machine: Machine, profile: KernelProfile, image: ProgramImage): number {
  // As many digits as twice as many: to print the total then costs the same.
  const few = 400;
  const run = (operations: number): LoadRow =>
    runUnderLoad(machine, { profile, image, args: ['1', String(operations)] }, UNINTERRUPTED);
  const [once, twice] = [run(few), run(2 * few)];
  for (const row of [once, twice]) {
    if (isThrough(row)) continue;
    throw new UserError('workload-fails', `compare: ${image.path} fails under ${profile.name}`);
  }
  return (twice.instructions - once.instructions) / few;
}

function measureHeavyLoad(
  machine: Machine,
  profile: KernelProfile,
  image: ProgramImage,
): HeavyLoadRow {
  const run = (tasks: number): LoadRow => {
    const args = [String(tasks), String(HEAVY_OPERATIONS)];
    const load = { ...HEAVY, tasksPerVcpu: tasks };
    return runUnderLoad(machine, { profile, image, args }, load, HEAVY_INSTRUCTIONS_MAX);
  };
  return { independent: run(2), contended: run(6) };
}
