import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultStrategy } from '../../emulator/explore/strategies/default.ts';
import { parseFlat } from '../../emulator/loader/flat.ts';
import { boundariesOf } from '../../emulator/machine/armings.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import type { MachineSnapshot } from '../../emulator/machine/run.ts';
import { assert } from '../../kernel-model/assert.ts';
import { PAGE_SIZE, pageAlign } from '../../kernel-model/hardware/address.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';

/** `counter 2 100000000`: two tasks that enter a section every 16 instructions, for long enough. */
const INCREMENTS = 100_000_000;
const SETTLING_DECISIONS = 100;
const SETTLING_LIMIT = 100_000;
const TICK_INSTRUCTIONS = 200;
const FILL_BYTE = 0xa5;

/** The two tasks that count; task 1 started them and waits. */
export const TASKS: readonly [number, number] = [2, 3];

/** guest/counter.bin on one vCPU, its two tasks registered for rseq and inside their loops. */
export interface TwoTasks {
  readonly machine: Machine;
  /** The moment that rows go back to. */
  readonly base: MachineSnapshot;
  readonly space: AddressSpace;
  /** The first instruction of the tasks' section, and that after its last. */
  readonly boundaries: readonly number[];
  /** Frames of the data behind the program, in ascending order. */
  readonly dataFrames: readonly number[];
}

let shared: Machine | undefined;

/** Boots the guest; `dataPages` pages of data follow the program. */
export function bootTwoTasks(
  libraryPath: string,
  projectRoot: string,
  dataPages: number,
): TwoTasks {
  shared ??= openMachine({ libraryPath });
  const machine = shared;
  const program = readFileSync(join(projectRoot, 'guest', 'counter.bin'));
  const dataStart = pageAlign(program.length);
  const bytes = new Uint8Array(dataStart + dataPages * PAGE_SIZE).fill(FILL_BYTE, dataStart);
  bytes.set(program);
  const image = parseFlat('counter.bin', bytes);
  machine.boot({
    program: { image, args: ['2', String(INCREMENTS)], env: [] },
    profile: LINUX_6_18,
    vcpus: 1,
    seed: 1,
    maxInstructions: Number.MAX_SAFE_INTEGER,
    strategy: new DefaultStrategy({
      seed: 1,
      tickInstructions: TICK_INSTRUCTIONS,
      escalate: true,
    }),
    output: () => {},
  });
  const boundaries = runIntoLoops(machine);
  const space = machine.kernel.host.spaces[0];
  assert(space !== undefined, 'the address space of the first process');
  const dataFrames = Array.from({ length: dataPages }, (_, page) => {
    const frame = space.frameAt(image.entry + dataStart + page * PAGE_SIZE);
    assert(frame !== undefined, 'the data is present');
    return frame;
  });
  return { machine, base: machine.snapshot(), space, boundaries, dataFrames };
}

/** Returns the boundaries of the sections that were met. */
function runIntoLoops(machine: Machine): number[] {
  const isSetUp = (): boolean => {
    const [first, ...counting] = machine.kernel.state.tasks;
    const areRegistered = counting.every((task) => task.rseq !== undefined);
    return first?.state.kind === 'blocked' && counting.length === TASKS.length && areRegistered;
  };
  for (let i = 0; !isSetUp(); i++) {
    assert(i < SETTLING_LIMIT && machine.step() === undefined, 'the guest starts its tasks');
  }
  const boundaries = new Set<number>();
  machine.onSectionEnd = (_task, _end, region) => {
    for (const address of boundariesOf(region)) boundaries.add(address);
  };
  for (let i = 0; i < SETTLING_DECISIONS; i++) machine.step();
  machine.onSectionEnd = undefined;
  assert(machine.outcome === undefined, 'the guest goes on counting');
  return [...boundaries];
}
