import { assert } from '../../kernel-model/assert.ts';
import type { KernelHost } from '../../kernel-model/kernel-state.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { CpuSlots } from './cpu-slots.ts';
import type { RunOptions } from './run.ts';

/** What of the machine a kernel works on. */
interface HostParts extends Pick<KernelHost, 'sectionAborted' | 'rseqRejected'> {
  /** Address spaces by index; forks are appended. */
  readonly spaces: AddressSpace[];
  readonly slots: CpuSlots;
  readonly clock: ClockWatch;
}

/** The machine as the kernel of one run sees it. */
export function kernelHost(
  run: RunOptions,
  { spaces, slots, clock, ...told }: HostParts,
): KernelHost {
  return {
    spaces,
    registers: (task) => slots.registers(task),
    createTask: (task, parent) => {
      slots.create(task, parent);
    },
    forkSpace: (index) => {
      const space = spaces[index];
      assert(space !== undefined, 'address space exists', index);
      return spaces.push(space.fork()) - 1;
    },
    destroyTask: (task) => slots.destroy(task),
    output: run.output,
    syscallDone: (...call) => {
      clock.onSyscall(call[1].name);
      run.watcher?.called(...call);
      run.onSyscall?.(...call);
    },
    ...told,
  };
}
