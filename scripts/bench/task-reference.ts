import type { Machine } from '../../emulator/machine/machine.ts';
import { assert } from '../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import { GENERAL_REGISTERS } from '../../kernel-model/hardware/registers.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../kernel-model/mm/mapping.ts';
import { taskOf } from '../../kernel-model/sched/run-queue.ts';
import type { Reference } from './reference.ts';
import { TASKS, type TwoTasks } from './two-tasks.ts';

const READ_WRITE_EXEC = PROT_READ | PROT_WRITE | PROT_EXEC;
const FNV_START = 0x811c_9dc5;
const FNV_PRIME = 0x0100_0193;

/** Adjacent present pages. */
interface Run {
  readonly address: number;
  readonly length: number;
}

/** Gives the C program the machine as it is at `base`: memory, registers, and the two tasks. */
export async function setUpTaskReference(
  reference: Reference,
  tasks: TwoTasks,
  logsStores: boolean,
): Promise<void> {
  const { machine, base, space, boundaries } = tasks;
  machine.restore(base);
  const codePages = codePagesOf(tasks);
  await reference.tell(`reset 0 ${Number(logsStores)}`);
  for (const page of codePages) {
    await reference.tell(`map ${page} ${PAGE_SIZE} ${PROT_READ | PROT_EXEC}`);
    await reference.tell(`code ${page}`);
  }
  await reference.tell('pad');
  await mapData(reference, space, codePages);
  for (const address of boundaries) await reference.tell(`boundary ${address}`);
  for (const [index, task] of TASKS.entries()) await setUpTask(reference, machine, index, task);
  await reference.tell(`current ${machine.kernel.state.vcpus[0]?.current === TASKS[0] ? 0 : 1}`);
  await reference.tell('save');
}

function codePagesOf({ machine, boundaries }: TwoTasks): ReadonlySet<number> {
  const { host } = machine.kernel;
  const code = [...boundaries, ...TASKS.map((task) => host.registers(task).instructionPointer)];
  return new Set(code.map((address) => address - (address % PAGE_SIZE)));
}

async function setUpTask(
  reference: Reference,
  machine: Machine,
  index: number,
  id: number,
): Promise<void> {
  const { kernel } = machine;
  const task = taskOf(kernel.state, id);
  const registers = kernel.host.registers(id);
  const general = GENERAL_REGISTERS.map((name) => registers.read(name));
  const ip = registers.instructionPointer;
  const rest = [ip, registers.read('rflags'), registers.read('fs_base')];
  await reference.tell(`cpu ${index} ${general.join(' ')} ${rest.join(' ')}`);
  const inFlight = machine.sections.inFlight(id)?.source ?? 0;
  const state = [task.rseq?.address ?? 0, task.notifyResume ? task.rseqEvents : 0, inFlight];
  await reference.tell(`thread ${index} ${state.join(' ')}`);
}

/** Sends the present pages: those of code are mapped already, pages of zeros need no content. */
async function mapData(
  reference: Reference,
  space: AddressSpace,
  codePages: ReadonlySet<number>,
): Promise<void> {
  for (const { address, length } of joinPages(space, codePages)) {
    await reference.tell(`map ${address} ${length} ${READ_WRITE_EXEC}`);
  }
  const pages: { address: number; bytes: Buffer }[] = [];
  space.forEachPage((address, frame) => {
    pages.push({ address, bytes: pageOf(space, frame) });
  });
  for (const { address, bytes } of pages.filter((page) => page.bytes.some((byte) => byte !== 0))) {
    await reference.tell(`write ${address} ${bytes.toString('hex')}`);
  }
}

function pageOf(space: AddressSpace, frame: number): Buffer {
  return Buffer.from(space.memory.bytes.buffer, frame * PAGE_SIZE, PAGE_SIZE);
}

/** Runs of present pages that hold none of `excluded`. */
function joinPages(space: AddressSpace, excluded: ReadonlySet<number>): Run[] {
  const runs: { address: number; length: number }[] = [];
  space.forEachPage((address) => {
    if (excluded.has(address)) return;
    const last = runs.at(-1);
    if (last !== undefined && last.address + last.length === address) last.length += PAGE_SIZE;
    else runs.push({ address, length: PAGE_SIZE });
  });
  return runs;
}

/**
 * Asserts that the machine is where the C program is after the same slices from `base`: instructions,
 * counts of preemptions and sections, and all of memory.
 */
export async function checkAgreement(
  reference: Reference,
  tasks: TwoTasks,
  instructionPointers: readonly number[],
): Promise<void> {
  const { machine, base, space } = tasks;
  TASKS.forEach((task, index) => {
    const { instructionPointer } = machine.kernel.host.registers(task);
    assert(instructionPointer === instructionPointers[index], 'both sides run a task alike', task);
  });
  const { counts, sections } = machine;
  const before = base.sections.counts;
  const ours = [
    counts.instructions - base.counts.instructions,
    counts.preemptions - base.counts.preemptions,
    sections.counts.entered - before.entered,
    sections.counts.committed - before.committed,
    sections.counts.aborted - before.aborted,
  ];
  const theirs = await reference.ask('counts');
  if (ours.join() !== theirs.join()) assert(false, `both sides count alike: ${ours} ${theirs}`);
  for (const run of joinPages(space, new Set())) {
    const [hash] = await reference.ask(`hash ${run.address} ${run.length}`);
    assert(hash === hashOf(space, run), 'both sides wrote the same', run.address);
  }
}

/** FNV-1a of a run of pages. */
function hashOf(space: AddressSpace, { address, length }: Run): number {
  let hash = FNV_START;
  for (let at = address; at < address + length; at += PAGE_SIZE) {
    const frame = space.frameAt(at);
    assert(frame !== undefined, 'a present page');
    for (const byte of pageOf(space, frame)) hash = Math.imul(hash ^ byte, FNV_PRIME);
  }
  return hash >>> 0;
}
