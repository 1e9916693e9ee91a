import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { DefaultStrategy } from '../../../emulator/explore/strategies/default.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { Program } from '../../../emulator/machine/program.ts';
import type { MachineSnapshot } from '../../../emulator/machine/run.ts';
import type { Strategy } from '../../../emulator/machine/strategy.ts';
import { SIGNALS } from '../../../kernel-model/abi/signal.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { boot, endingOf, openTestMachine, replay, runToEnd } from '../rig.ts';
import { compileScenarios, scenarioProgram } from './programs.ts';

const SOURCE = 'injected.c';
const { SIGUSR1, SIGUSR2 } = SIGNALS;

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

function injecting(tick: number, seed: number, ...signals: readonly number[]) {
  return new DefaultStrategy({
    seed,
    tickInstructions: tick,
    escalate: true,
    signals: signals.map((signal) => ({ signal, task: undefined })),
  });
}

/** Runs a program until it catches SIGUSR2, then with signals from outside; `visit` sees each step. */
function runInjected(
  program: Program,
  strategy: Strategy,
  { visit, ...run }: { readonly visit?: () => void; readonly profile?: KernelProfile } = {},
): string {
  const output = boot(machine, { program, vcpus: 2, tick: 1, ...run });
  const catches = () => machine.kernel.state.processes[0]?.signals.actions[SIGUSR2] !== undefined;
  while (!catches()) machine.step();
  do visit?.();
  while (machine.step(strategy) === undefined);
  return output();
}

test('signals from outside abort sections, and no addition is lost', async (context) => {
  const program = scenarioProgram(await compileScenarios(context, SOURCE), 'counter');
  let aborted = 0;
  for (const [tick, seed] of [
    [8, 1],
    [13, 2],
    [30, 3],
    [100, 4],
  ] as const) {
    const output = runInjected(program, injecting(tick, seed, SIGUSR1, SIGUSR2));
    const ending = endingOf(machine);
    expect(ending.outcome).toEqual({ kind: 'exit', status: 0 });
    expect(output.replaceAll('1:', '').split('\n')).toEqual([
      'register 0',
      'lost 0',
      'saved inside 0',
      'armed in handlers 0',
      '',
    ]);
    expect(ending.counts.signals).toBeGreaterThan(3);
    const sent = ending.decisions.filter(({ kind }) => kind === 'signal');
    expect(sent.length).toBe(ending.counts.signals);
    aborted += ending.sections.aborted;
    expect(replay(machine, { program, vcpus: 2 }, ending.decisions)).toMatchObject(ending);
  }
  expect(aborted).toBeGreaterThan(10);
});

const mainline = Object.values(PROFILES).filter(({ name }) => name.startsWith('linux-'));

test('no addition is lost under any mainline kernel', async (context) => {
  const program = scenarioProgram(await compileScenarios(context, SOURCE), 'counter');
  expect(mainline.length).toBeGreaterThan(5);
  for (const profile of mainline) {
    const output = runInjected(program, injecting(13, 5, SIGUSR1, SIGUSR2), { profile });
    expect(machine.outcome, profile.name).toEqual({ kind: 'exit', status: 0 });
    const lines = output.replaceAll('1:', '').split('\n');
    expect(lines.slice(0, 3)).toEqual(['register 0', 'lost 0', 'saved inside 0']);
    expect(machine.sections.counts.aborted).toBeGreaterThan(0);
  }
});

test('a signal between two instructions is found at that place only', async (context) => {
  const program = scenarioProgram(await compileScenarios(context, SOURCE), 'torn');
  const run = { program, vcpus: 1, seed: 1 };
  const undisturbed = runToEnd(machine, { ...run, tick: 1_000_000 });
  expect(undisturbed.outcome).toEqual({ kind: 'exit', status: 0 });
  const statuses = new Set<number>();
  const property = fc.property(fc.integer({ min: 0, max: 400 }), (at) => {
    boot(machine, run);
    machine.apply({ kind: 'switch', vcpu: 0, task: 1 });
    if (at > 0) machine.apply({ kind: 'run', vcpu: 0, instructions: at });
    const caught = machine.kernel.state.processes[0]?.signals.actions[SIGUSR1] !== undefined;
    machine.apply({ kind: 'signal', task: 1, signal: SIGUSR1 });
    const outcome = machine.runToEnd();
    if (!caught) expect(outcome).toMatchObject({ kind: 'signal', signal: SIGUSR1 });
    else if (outcome.kind === 'exit') statuses.add(outcome.status);
  });
  fc.assert(property, { numRuns: 80, seed: 1 });
  expect([...statuses].sort((a, b) => a - b)).toEqual([0, 40 + SIGUSR1]);
});

test('snapshots hold signals that are pending, masks and alternate stacks', async (context) => {
  const program = scenarioProgram(await compileScenarios(context, SOURCE), 'counter');
  const snapshots: MachineSnapshot[] = [];
  let pendingSeen = 0;
  runInjected(program, injecting(15, 9, SIGUSR1, SIGUSR2), {
    visit: () => {
      snapshots.push(machine.snapshot());
      pendingSeen += machine.kernel.state.tasks[0]?.signals.pending.length ?? 0;
    },
  });
  expect(pendingSeen).toBeGreaterThan(0);
  const ending = endingOf(machine);
  const indices = fc.integer({ min: 0, max: snapshots.length - 1 });
  const property = fc.property(indices, (index) => {
    const snapshot = snapshots[index];
    if (snapshot === undefined) throw new Error('a snapshot');
    machine.restore(snapshot);
    const hash = machine.stateHash();
    for (const decision of ending.decisions.slice(snapshot.decisionIndex)) machine.apply(decision);
    expect(endingOf(machine)).toEqual(ending);
    machine.restore(snapshot);
    expect(machine.stateHash()).toBe(hash);
  });
  fc.assert(property, { numRuns: 10, seed: 1 });
});
