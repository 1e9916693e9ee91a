import type { Machine } from '../../emulator/machine/machine.ts';
import { assert } from '../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import { PROT_READ, PROT_WRITE } from '../../kernel-model/mm/mapping.ts';
import { type Row, type Tools, timed } from './measure.ts';
import { type Reference, referenceLoop } from './reference.ts';
import { checkAgreement, setUpTaskReference } from './task-reference.ts';
import { bootTwoTasks, TASKS, type TwoTasks } from './two-tasks.ts';

/** Short slices abort for ever: the guest goes back before that counts as a livelock. */
const SLICES_PER_RESTORE = 10_000;
/** More than one restore, and not a whole number of them. */
const CHECKED_SLICES = 12_345;
const SCHEDULE_SLICES = 20;
const SCHEDULE_SLICE_INSTRUCTIONS = 5;
const NS_PER_S = 1e9;
const DATA = 0x50_0000;
const CODE = 0x40_0000;

/** Gives the vCPU to a task for a slice, as recorded decisions. */
function runSlice(machine: Machine, task: number, instructions: number): void {
  machine.apply({ kind: 'switch', vcpu: 0, task });
  machine.apply({ kind: 'run', vcpu: 0, instructions });
}

/** What the C program does beside running slices. */
type SliceWork = 'the same' | 'no kernel';

function runSlices({ machine, base }: TwoTasks, count: number, instructions: number): void {
  for (let i = 0; i < count; i++) {
    if (i % SLICES_PER_RESTORE === 0) machine.restore(base);
    runSlice(machine, TASKS[i & 1] ?? 0, instructions);
  }
}

function sliceRow(instructions: number, work: SliceWork): Row {
  const name = `slice of ${instructions} + switch, whole machine`;
  return {
    name: work === 'the same' ? name : `${name}, C without kernel`,
    unit: 'ns',
    value: (ns) => ns,
    prepare: async ({ libraryPath, projectRoot, reference }) => {
      const tasks = bootTwoTasks(libraryPath, projectRoot, 0);
      const isSame = work === 'the same';
      if (reference !== undefined) {
        await setUpTaskReference(reference, tasks, isSame);
        if (isSame) await checkSlices(reference, tasks, instructions);
      }
      return {
        ours: timed((iterations) => {
          runSlices(tasks, iterations, instructions);
          assert(tasks.machine.outcome === undefined, 'the guest goes on counting');
        }),
        reference: referenceLoop(reference, isSame ? 'switches' : 'slices', instructions),
      };
    },
  };
}

/** Both sides must end the same slices in the same state. */
async function checkSlices(
  reference: Reference,
  tasks: TwoTasks,
  instructions: number,
): Promise<void> {
  const { instructionPointers } = await reference.run('switches', CHECKED_SLICES, instructions);
  runSlices(tasks, CHECKED_SLICES, instructions);
  await checkAgreement(reference, tasks, instructionPointers);
}

function runSchedule({ machine, base }: TwoTasks): void {
  machine.restore(base);
  for (let i = 0; i < SCHEDULE_SLICES; i++) {
    runSlice(machine, TASKS[i & 1] ?? 0, SCHEDULE_SLICE_INSTRUCTIONS);
  }
}

async function checkSchedules(reference: Reference, tasks: TwoTasks): Promise<void> {
  const { instructionPointers } = await reference.run('schedules', 2, SCHEDULE_SLICES);
  for (let i = 0; i < 2; i++) runSchedule(tasks);
  await checkAgreement(reference, tasks, instructionPointers);
}

const SCHEDULE_ROW: Row = {
  name: `whole schedules: restore, ${SCHEDULE_SLICES} slices of ${SCHEDULE_SLICE_INSTRUCTIONS}, 2 tasks`,
  unit: '1/s',
  value: (ns) => NS_PER_S / ns,
  prepare: async ({ libraryPath, projectRoot, reference }) => {
    const tasks = bootTwoTasks(libraryPath, projectRoot, 0);
    if (reference !== undefined) {
      await setUpTaskReference(reference, tasks, true);
      await checkSchedules(reference, tasks);
    }
    return {
      ours: timed((iterations) => {
        for (let i = 0; i < iterations; i++) runSchedule(tasks);
      }),
      reference: referenceLoop(reference, 'schedules', SCHEDULE_SLICES),
    };
  },
};

/** What a snapshot row does to a machine whose `dirtyPages` pages and two tasks have changed. */
type SnapshotWork = (tasks: TwoTasks) => void;

/** Makes memory and registers differ from the last snapshot, as far as the machine can tell. */
function change({ machine, dataFrames }: TwoTasks, dirtyPages: number): void {
  for (let i = 0; i < dirtyPages; i++) machine.memory.markDirty(dataFrames[i] ?? 0);
  for (const task of TASKS) {
    const registers = machine.kernel.host.registers(task);
    const { instructionPointer } = registers;
    registers.instructionPointer = instructionPointer;
  }
}

async function setUpPages(reference: Reference, pages: number): Promise<void> {
  await reference.tell('reset 0 0');
  await reference.tell(`map ${CODE} ${PAGE_SIZE} ${PROT_READ}`);
  await reference.tell(`map ${DATA} ${pages * PAGE_SIZE} ${PROT_READ | PROT_WRITE}`);
  await reference.tell('save');
}

function snapshotRow(
  name: string,
  loop: 'restores' | 'snapshots',
  dataPages: number,
  dirtyPages: number,
  work: SnapshotWork,
): Row {
  const prepare = async ({ libraryPath, projectRoot, reference }: Tools) => {
    const tasks = bootTwoTasks(libraryPath, projectRoot, dataPages);
    if (reference !== undefined) await setUpPages(reference, dataPages);
    return {
      ours: timed((iterations) => {
        for (let i = 0; i < iterations; i++) {
          change(tasks, dirtyPages);
          work(tasks);
        }
      }),
      reference: referenceLoop(reference, loop, dirtyPages),
    };
  };
  return { name, unit: 'us', value: (ns) => ns / 1000, prepare };
}

const restore: SnapshotWork = ({ machine, base }) => machine.restore(base);
const take: SnapshotWork = ({ machine }) => {
  machine.snapshot();
};

const SMALL_PAGES = 16;
const LARGE_PAGES = 2048;

/** Rows about the whole machine: recorded decisions, kernel model, write log. */
export const MACHINE_ROWS: readonly Row[] = [
  ...[1, 5, 20].map((instructions) => sliceRow(instructions, 'the same')),
  sliceRow(5, 'no kernel'),
  snapshotRow('restore, 64 KiB guest, all 16 pages dirty', 'restores', SMALL_PAGES, 16, restore),
  snapshotRow('restore, 64 KiB guest, 3 pages dirty', 'restores', SMALL_PAGES, 3, restore),
  snapshotRow('restore, 8 MiB guest, all pages dirty', 'restores', LARGE_PAGES, 2048, restore),
  snapshotRow('restore, 8 MiB guest, 10 pages dirty', 'restores', LARGE_PAGES, 10, restore),
  snapshotRow('snapshot, 64 KiB guest, all 16 pages dirty', 'snapshots', SMALL_PAGES, 16, take),
  snapshotRow('snapshot, 64 KiB guest, 3 pages dirty', 'snapshots', SMALL_PAGES, 3, take),
  SCHEDULE_ROW,
];
