import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultStrategy } from '../../emulator/explore/strategies/default.ts';
import { parseFlat } from '../../emulator/loader/flat.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import type { MachineSnapshot } from '../../emulator/machine/run.ts';
import { assert } from '../../kernel-model/assert.ts';
import { PAGE_SIZE, pageAlign } from '../../kernel-model/hardware/address.ts';
import { GENERAL_REGISTERS } from '../../kernel-model/hardware/registers.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../kernel-model/mm/mapping.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';
import type { Reference } from './reference.ts';

/** `counter 2 100000000`: two tasks that enter a section every 16 instructions, for long enough. */
const INCREMENTS = 100_000_000;
const SETTLING_DECISIONS = 100;
const SETTLING_LIMIT = 100_000;
const TICK_INSTRUCTIONS = 200;
const FILL_BYTE = 0xa5;
const READ_WRITE_EXEC = PROT_READ | PROT_WRITE | PROT_EXEC;

/** The two tasks that count; task 1 started them and waits. */
export const TASKS: readonly [number, number] = [2, 3];

/** guest/counter.bin on one vCPU, its two tasks registered for rseq and inside their loops. */
export interface TwoTasks {
  readonly machine: Machine;
  /** The moment that rows go back to. */
  readonly base: MachineSnapshot;
  readonly space: AddressSpace;
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
  runIntoLoops(machine);
  const space = machine.kernel.host.spaces[0];
  assert(space !== undefined, 'the address space of the first process');
  const dataFrames = Array.from({ length: dataPages }, (_, page) => {
    const frame = space.frameAt(image.entry + dataStart + page * PAGE_SIZE);
    assert(frame !== undefined, 'the data is present');
    return frame;
  });
  return { machine, base: machine.snapshot(), space, dataFrames };
}

function runIntoLoops(machine: Machine): void {
  const isSetUp = (): boolean => {
    const [first, ...counting] = machine.kernel.state.tasks;
    const areRegistered = counting.every((task) => task.rseq !== undefined);
    return first?.state.kind === 'blocked' && counting.length === TASKS.length && areRegistered;
  };
  for (let i = 0; !isSetUp(); i++) {
    assert(i < SETTLING_LIMIT && machine.step() === undefined, 'the guest starts its tasks');
  }
  for (let i = 0; i < SETTLING_DECISIONS; i++) machine.step();
  assert(machine.outcome === undefined, 'the guest goes on counting');
}

/** Gives the C program the machine as it is: memory, and the registers of the two tasks. */
export async function setUpTaskReference(
  reference: Reference,
  { machine, space }: TwoTasks,
  logsStores: boolean,
): Promise<void> {
  const { kernel } = machine;
  const codePages = new Set(
    TASKS.map((task) => {
      const ip = kernel.host.registers(task).instructionPointer;
      return ip - (ip % PAGE_SIZE);
    }),
  );
  await reference.tell(`reset 0 ${Number(logsStores)}`);
  for (const page of codePages) {
    await reference.tell(`map ${page} ${PAGE_SIZE} ${PROT_READ | PROT_EXEC}`);
    await reference.tell(`code ${page}`);
  }
  await reference.tell('pad');
  await mapData(reference, space, codePages);
  for (const [index, task] of TASKS.entries()) {
    const registers = kernel.host.registers(task);
    const general = GENERAL_REGISTERS.map((name) => registers.read(name));
    const rseq = kernel.state.tasks[task - 1]?.rseq?.address ?? 0;
    const rest = [
      registers.instructionPointer,
      registers.read('rflags'),
      registers.read('fs_base'),
      rseq,
    ];
    await reference.tell(`cpu ${index} ${general.join(' ')} ${rest.join(' ')}`);
  }
  await reference.tell('save');
}

/** Sends the present pages: those of code are mapped already, pages of zeros need no content. */
async function mapData(
  reference: Reference,
  space: AddressSpace,
  codePages: ReadonlySet<number>,
): Promise<void> {
  for (const { address, length } of splitAround(space, codePages)) {
    await reference.tell(`map ${address} ${length} ${READ_WRITE_EXEC}`);
  }
  const pages: { address: number; bytes: Buffer }[] = [];
  space.forEachPage((address, frame) => {
    const { bytes } = space.memory;
    pages.push({ address, bytes: Buffer.from(bytes.buffer, frame * PAGE_SIZE, PAGE_SIZE) });
  });
  for (const { address, bytes } of pages.filter((page) => page.bytes.some((byte) => byte !== 0))) {
    await reference.tell(`write ${address} ${bytes.toString('hex')}`);
  }
}

/** Runs of present pages that hold none of `codePages`. */
function splitAround(
  space: AddressSpace,
  codePages: ReadonlySet<number>,
): { address: number; length: number }[] {
  const runs: { address: number; length: number }[] = [];
  space.forEachPage((address) => {
    if (codePages.has(address)) return;
    const last = runs.at(-1);
    if (last !== undefined && last.address + last.length === address) last.length += PAGE_SIZE;
    else runs.push({ address, length: PAGE_SIZE });
  });
  return runs;
}
