import { join } from 'node:path';
import { DefaultStrategy } from '../explore/strategies/default.ts';
import { loadProgram } from '../loader/load.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../machine/outcome.ts';
import type { Expectation, GuestCase } from './manifest.ts';
import { kernelOf, type RegressRow, shortOutcome } from './row.ts';

const VCPUS = 2;
const TICK_INSTRUCTIONS = 200;
/** A shorter slice, where some seed is to fail. */
const BREAKING_TICK_INSTRUCTIONS = 50;
const MAX_INSTRUCTIONS = 100_000_000;
/** A guest that holds is run with so many seeds, one that breaks with up to so many. */
const SEEDS = 3;
const BREAKING_SEEDS = 40;

interface Ending {
  readonly outcome: Outcome;
  readonly stdout: string;
}

/** Runs a guest of the manifest as `emulate` does, with one seed after another. */
export function runGuestCase(machine: Machine, folder: string, guest: GuestCase): RegressRow {
  const started = performance.now();
  const { expected } = guest;
  const breaks = expected.kind === 'some-seed-fails';
  const seeds = breaks ? BREAKING_SEEDS : SEEDS;
  let actual = '';
  let asExpected = false;
  for (let seed = 1; seed <= seeds; seed++) {
    const ending = run(machine, folder, guest, {
      seed,
      tick: breaks ? BREAKING_TICK_INSTRUCTIONS : TICK_INSTRUCTIONS,
    });
    asExpected = matches(expected, ending);
    actual = describe(expected, ending, seed);
    if (asExpected === breaks) break;
  }
  return {
    name: guest.name,
    kernel: guest.kernel,
    expected: describeExpected(expected),
    actual,
    asExpected,
    seconds: (performance.now() - started) / 1000,
  };
}

function run(
  machine: Machine,
  folder: string,
  { path, args, kernel }: GuestCase,
  { seed, tick }: { readonly seed: number; readonly tick: number },
): Ending {
  let stdout = '';
  machine.boot({
    program: { image: loadProgram(join(folder, path)).image, args, env: [] },
    profile: kernelOf(kernel),
    vcpus: VCPUS,
    seed,
    maxInstructions: MAX_INSTRUCTIONS,
    strategy: new DefaultStrategy({ seed, tickInstructions: tick, escalate: true }),
    output: (descriptor, bytes) => {
      if (descriptor === 1) stdout += new TextDecoder().decode(bytes);
    },
  });
  return { outcome: machine.runToEnd(), stdout };
}

function matches(expected: Expectation, { outcome, stdout }: Ending): boolean {
  switch (expected.kind) {
    case 'exit':
      return (
        outcome.kind === 'exit' && outcome.status === expected.status && stdout === expected.stdout
      );
    case 'signal':
      return (
        outcome.kind === 'signal' &&
        outcome.signal === expected.signal &&
        stdout === expected.stdout
      );
    case 'some-seed-fails':
      return outcome.kind === 'exit' && outcome.status === expected.status;
  }
}

function describeExpected(expected: Expectation): string {
  switch (expected.kind) {
    case 'exit':
      return `exit ${expected.status}`;
    case 'signal':
      return `signal ${expected.signal}`;
    case 'some-seed-fails':
      return `exit ${expected.status} with some seed`;
  }
}

function describe(expected: Expectation, { outcome, stdout }: Ending, seed: number): string {
  const wrongOutput = expected.kind !== 'some-seed-fails' && stdout !== expected.stdout;
  const text = wrongOutput ? `, wrote ${JSON.stringify(stdout)}` : '';
  const isEnough = expected.kind === 'some-seed-fails' || matches(expected, { outcome, stdout });
  return `${shortOutcome(outcome)}${isEnough ? '' : ` with seed ${seed}`}${text}`;
}
