import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { ReplayStrategy } from '../../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { expectConsistent } from '../../kernel-model/sched/invariants.ts';
import { film, openTestMachine, replay } from '../rig.ts';
import { compileScenarios, scenarioProgram } from './programs.ts';

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

test('snapshots and hashes cover the memory of every process', async (context) => {
  const path = await compileScenarios(context, 'processes.c');
  let spacesSeen = 0;
  for (const scenario of ['memories', 'notified', 'stopping', 'orphan', 'vforks', 'futexes']) {
    const run = { program: scenarioProgram(path, scenario), vcpus: 2, tick: 40, seed: 3 };
    const { snapshots, ending } = film(machine, run);
    expect(ending.outcome).toEqual({ kind: 'exit', status: 0 });
    spacesSeen = Math.max(spacesSeen, machine.kernel.state.processes.length);
    const indices = fc.integer({ min: 0, max: snapshots.length - 1 });
    const property = fc.property(indices, indices, (from, other) => {
      const [start, visited] = [snapshots[from], snapshots[other]];
      if (start === undefined || visited === undefined) throw new Error('a snapshot');
      machine.restore(start);
      const hash = machine.stateHash();
      // A detour by another moment, which may have more address spaces or fewer.
      machine.restore(visited);
      machine.restore(start);
      expect(machine.stateHash()).toBe(hash);
      expectConsistent(machine.kernel.state);
      const rest = new ReplayStrategy(ending.decisions.slice(start.decisionIndex));
      while (machine.outcome === undefined) machine.step(rest);
      expect(machine.outcome).toEqual(ending.outcome);
      expect(machine.stateHash()).toBe(ending.stateHash);
    });
    fc.assert(property, { numRuns: 8, seed: 1 });
    expect(replay(machine, run, ending.decisions).stateHash).toBe(ending.stateHash);
  }
  expect(spacesSeen).toBeGreaterThan(3);
});

test('private memory of two processes differs in the hash', async (context) => {
  const path = await compileScenarios(context, 'processes.c');
  const run = { program: scenarioProgram(path, 'memories'), vcpus: 1, tick: 25, seed: 1 };
  const { snapshots } = film(machine, run);
  const forked = snapshots.find(({ spaces, kernel }) => {
    return spaces.length > 1 && kernel.processes[1]?.ending === undefined;
  });
  if (forked === undefined) throw new Error('a moment with two processes');
  machine.restore(forked);
  const before = machine.stateHash();
  const [parent, child] = machine.kernel.state.processes;
  if (parent === undefined || child === undefined) throw new Error('two processes');
  const [first, second] = [parent, child].map((each) => machine.kernel.memoryOf(each));
  const stack = machine.kernel.host.registers(1).read('rsp');
  const address = Number(stack) - 4096;
  expect(second?.writeU64(address, 0xdeadn)).toBe(true);
  expect(first?.readU64(address)).not.toBe(0xdeadn);
  expect(machine.stateHash()).not.toBe(before);
});
