import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import type { KernelState } from '../../kernel-model/kernel-state.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import type { Task } from '../../kernel-model/task/task.ts';
import { encodeCanonically } from './canonical.ts';
import { TASK_FIELDS } from './state-keys.ts';

/**
 * All that a state key stands for, in full: two states with the same key must give the same bytes.
 * Slow; for checking a sample. `registersOf` gives the registers of a live task that can still be read.
 */
export function describeState(
  state: KernelState,
  spaces: readonly AddressSpace[],
  registersOf: (task: Task) => BigUint64Array,
): Uint8Array {
  const { vcpus, processes, nextTid, randomWordsDrawn, now } = state;
  const pages: Uint8Array[] = [];
  const layouts = spaces.map((space) => {
    const frames: number[] = [];
    space.forEachPage((address, frame) => {
      const { memory } = space;
      const isZero = memory.isZero(frame);
      frames.push(address, frame, Number(isZero));
      const start = frame * PAGE_SIZE;
      if (!isZero) pages.push(memory.bytes.subarray(start, start + PAGE_SIZE));
    });
    const { mappings, breakStart, breakEnd } = space;
    return { frames, mappings, breakStart, breakEnd };
  });
  const head = encodeCanonically({
    tasks: state.tasks.map((task) => describeTask(task, now, registersOf)),
    vcpus: vcpus.map(({ id, current, queue, needResched }) => ({
      id,
      current,
      queue,
      needResched,
    })),
    ...{ processes, nextTid, randomWordsDrawn, layouts },
  });
  return Buffer.concat([head, ...pages]);
}

function describeTask(task: Task, now: number, registersOf: (task: Task) => BigUint64Array) {
  const { state, rseqSlice } = task;
  if (state.kind === 'dead') return { state };
  const fields = Object.fromEntries(TASK_FIELDS.map(([name]) => [name, task[name]]));
  const slice = rseqSlice && {
    ...rseqSlice,
    expires: rseqSlice.granted ? rseqSlice.expires - now : 0,
  };
  const rest = state.kind === 'blocked' ? { ...state, deadline: state.deadline - now } : state;
  return { ...fields, slice, rest, registers: [...registersOf(task)] };
}
