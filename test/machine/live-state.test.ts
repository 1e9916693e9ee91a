import { beforeAll, describe, expect, test } from 'vitest';
import type { AbortEdge } from '../../emulator/engine/decode/live-registers.ts';
import { rseqDescriptorAddresses } from '../../emulator/loader/rseq-sections.ts';
import { LiveState } from '../../emulator/machine/live-state.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { RSEQ_CS } from '../../kernel-model/abi/rseq.ts';
import { GENERAL_REGISTERS } from '../../kernel-model/hardware/registers.ts';
import { taskOf } from '../../kernel-model/sched/run-queue.ts';
import { boot, guest, openTestMachine, type TestRun } from './rig.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

const RUNS: readonly (readonly [name: string, run: TestRun])[] = [
  ['counter', { program: guest('counter.elf', '3', '20'), tick: 5 }],
  ['list', { program: guest('list.elf', '3', '10'), tick: 7, vcpus: 3 }],
  ['buffer', { program: guest('buffer.elf', '3', '10'), tick: 9 }],
  ['memcpy-buffer', { program: guest('memcpy-buffer.elf', '3', '10'), tick: 11 }],
  ['spinlock', { program: guest('spinlock.elf', '3', '10'), tick: 13, vcpus: 1 }],
];

/** Between two decisions, registers that are dead are filled with rubbish; returns how many were. */
function poison(live: LiveState): number {
  let poisoned = 0;
  for (const task of machine.kernel.state.tasks) {
    if (task.state.kind === 'dead') continue;
    const { cpu } = machine.slotOf(task.id);
    const { memory } = machine.kernel.rseqContext(task);
    const kept = live.read(cpu, memory).slice();
    for (const [index, name] of GENERAL_REGISTERS.entries()) {
      if (kept[index] !== 0n || cpu.read(name) === 0n) continue;
      machine.kernel.host.registers(task.id).write(name, 0xdead_beef_0000_0000n + BigInt(index));
      poisoned++;
    }
  }
  return poisoned;
}

/** A section and its abort handler, from the descriptor in the memory of the first task. */
function readEdge(descriptor: number): AbortEdge {
  const { memory } = machine.kernel.rseqContext(taskOf(machine.kernel.state, 1));
  const start = memory.readU64AsNumber(descriptor + RSEQ_CS.startIp);
  const length = memory.readU64AsNumber(descriptor + RSEQ_CS.postCommitOffset);
  const abort = memory.readU64AsNumber(descriptor + RSEQ_CS.abortIp);
  return { start, end: start + length, abort };
}

describe.each(RUNS)('%s', (_, run) => {
  test('goes on alike whatever its dead registers hold', () => {
    const { addresses } = rseqDescriptorAddresses(run.program.image);
    expect(addresses).not.toEqual([]);
    const ends = [false, true].map((isPoisoned) => {
      const live = new LiveState(() => {});
      const output = boot(machine, run);
      live.setEdges(addresses.map(readEdge));
      let poisoned = 0;
      while (machine.step() === undefined) if (isPoisoned) poisoned += poison(live);
      if (isPoisoned) expect(poisoned).toBeGreaterThan(100);
      const { outcome, counts, decisionCount } = machine;
      return {
        outcome,
        counts,
        decisionCount,
        sections: machine.sections.counts,
        output: output(),
      };
    });
    expect(ends[1]).toEqual(ends[0]);
    expect(ends[0]?.outcome).toEqual({ kind: 'exit', status: 0 });
  });
});
