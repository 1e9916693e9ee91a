import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, type TestContext } from 'vitest';
import { initialMemory } from '../../emulator/loader/image.ts';
import { describedSections } from '../../emulator/loader/rseq-exit-points.ts';
import { flowAt } from '../../emulator/stepping/flow.ts';
import { STEP_POLICIES, type StepPolicyName } from '../../emulator/stepping/registry.ts';
import { guestDir } from '../guest/guest-files.ts';
import { whyNotNative } from '../guest/native.ts';
import { guest, openTestMachine } from '../machine/rig.ts';
import { projectRoot, temporaryFolder } from '../support/project.ts';
import { stepThrough } from './rig.ts';

const ARGUMENTS = ['1', '3'];
const MAX_STOPS = 2000;
const TRACER_STATUS = { ended: 0, maxStops: 1, notAllowed: 3 } as const;

const program = guest('counter.elf', ...ARGUMENTS);
const [section] = describedSections(program.image).sections;
if (section === undefined) throw new Error('the guest has a section');

/** The address of the instruction that ends where the section starts. */
function armingInstruction(start: number): number {
  const from = program.image.symbols.find('count_up') ?? 0;
  const code = (address: number, length: number) =>
    initialMemory(program.image.segments, address, length);
  for (let at = from; ; ) {
    const next = flowAt(code, at)?.next;
    if (next === undefined || next > start) throw new Error('count_up holds the section');
    if (next === start) return at;
    at = next;
  }
}

/** Where the host's kernel has the counting thread at each stop. */
async function stepNatively(context: TestContext, arm: number, exits: readonly number[]) {
  const why = await whyNotNative();
  context.skip(why !== undefined, why);
  const tracer = join(await temporaryFolder(), 'stepper');
  const source = join(projectRoot, 'test', 'native', 'section-stepper.c');
  const built = await execa('gcc', ['-O1', '-Wall', '-Werror', '-o', tracer, source], {
    reject: false,
  });
  context.skip(built.failed && built.exitCode === undefined, 'there is no gcc');
  expect(built.stderr).toBe('');
  const [armed, ...ends] = [arm, ...exits].map((address) => address.toString(16));
  const words = [String(MAX_STOPS), armed ?? '', ...ends, '--', join(guestDir, 'counter.elf')];
  const run = await execa(tracer, [...words, ...ARGUMENTS], { reject: false });
  context.skip(run.exitCode === TRACER_STATUS.notAllowed, 'ptrace is not allowed here');
  const lines = run.stdout.split('\n').filter((line) => /^[0-9a-f]+$/.test(line));
  return { status: run.exitCode, stops: lines.map((line) => Number.parseInt(line, 16)) };
}

/** Where the model has it. */
async function stepInModel(policy: StepPolicyName, count: number): Promise<readonly number[]> {
  const machine = await openTestMachine();
  const kind = STEP_POLICIES[policy];
  const { steps } = stepThrough(machine, { program, task: 2, kind, maxSteps: count });
  return steps.map(({ to }) => to).filter((address) => address !== 0);
}

describe('a thread that counts, stepped by ptrace on the kernel of this machine,', () => {
  it('stops where native stops it, and never gets through', async (context) => {
    const { status, stops } = await stepNatively(context, 0, []);
    expect(status).toBe(TRACER_STATUS.maxStops);
    expect(stops).toHaveLength(MAX_STOPS);
    expect(stops.filter((address) => address === section.start).length).toBeGreaterThan(100);
    expect(stops).not.toContain(section.postCommit);
    expect(await stepInModel('native', MAX_STOPS)).toEqual(stops);
  });

  it('gets through by breakpoints at the exits, where key stops it', async (context) => {
    const { postCommit, abort, exits } = section;
    const arm = armingInstruction(section.start);
    const { status, stops } = await stepNatively(context, arm, [postCommit, abort, ...exits]);
    expect(status).toBe(TRACER_STATUS.ended);
    expect(stops.filter((address) => address === postCommit)).toHaveLength(3);
    const modelled = await stepInModel('key', MAX_STOPS);
    const aborts = stops.filter((address) => address === abort).length;
    // The host may have preempted it inside: then it needed another attempt.
    if (aborts === 0) expect(modelled).toEqual(stops);
    expect(modelled).toContain(postCommit);
  });
});
