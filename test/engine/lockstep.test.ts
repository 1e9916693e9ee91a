import { join } from 'node:path';
import { execa } from 'execa';
import { Decoder, DecoderOptions, RflagsBits } from 'iced-x86';
import { describe, expect, it, type TestContext } from 'vitest';
import { DefaultStrategy } from '../../emulator/explore/strategies/default.ts';
import type { ProgramImage } from '../../emulator/loader/image.ts';
import { loadProgram } from '../../emulator/loader/load.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { REGISTER_FILE, REGISTER_FILE_WORDS } from '../../kernel-model/hardware/register-file.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';
import { projectRoot, temporaryFolder } from '../support/project.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const WORDS_PER_STEP = 50;
const NATIVE = { rip: 0, general: 1, flags: 17, xmm: 18 } as const;
const STEPS_MIN = 10_000;

interface NativeRun {
  readonly image: ProgramImage;
  readonly begin: number;
  readonly words: BigUint64Array;
  readonly steps: number;
}

let native: NativeRun | undefined;

/** The guest's native run, made once; skips where it cannot be made. */
async function stepNatively(context: TestContext): Promise<NativeRun> {
  native ??= await compileAndStep(context);
  return native;
}

async function compileAndStep(context: TestContext): Promise<NativeRun> {
  context.skip(process.arch !== 'x64' || process.platform !== 'linux', 'this is not Linux x86-64');
  const folder = await temporaryFolder();
  const source = (name: string) => join(projectRoot, 'test', 'native', name);
  const program = join(folder, 'guest');
  const stepper = join(folder, 'stepper');
  const plain = ['-O2', '-static', '-nostdlib', '-ffreestanding', '-fno-stack-protector'];
  const flags = [...plain, '-fno-pic', '-no-pie', '-fcf-protection=none', '-Wl,-z,noexecstack'];
  const built = await execa('gcc', [...flags, '-o', program, source('lockstep-guest.c')], {
    reject: false,
  });
  context.skip(built.failed && built.exitCode === undefined, 'there is no gcc');
  expect(built.stderr).toBe('');
  await execa('gcc', ['-O1', '-o', stepper, source('stepper.c')]);
  const { image } = loadProgram(program);
  const begin = image.symbols.find('begin');
  if (begin === undefined) throw new Error('the guest has a symbol begin');
  const stepped = await execa(stepper, [program, begin.toString(16)], {
    encoding: 'buffer',
    reject: false,
    maxBuffer: 1 << 26,
  });
  context.skip(stepped.exitCode === 3, 'ptrace is not allowed here');
  expect(stepped.exitCode).toBe(0);
  const words = new BigUint64Array(stepped.stdout.slice().buffer);
  return { image, begin, words, steps: words.length / WORDS_PER_STEP };
}

async function bootAt({ image, begin }: NativeRun): Promise<Machine> {
  const machine = openMachine({ libraryPath: await unicornLibrary() });
  machine.boot({
    program: { image, args: [], env: [] },
    profile: LINUX_6_18,
    vcpus: 1,
    seed: 1,
    maxInstructions: 1_000_000,
    strategy: new DefaultStrategy({ seed: 1, tickInstructions: 1, escalate: true }),
    output: () => {},
  });
  machine.apply({ kind: 'switch', vcpu: 0, task: 1 });
  while (machine.slotOf(1).instructionPointer !== begin) {
    machine.apply({ kind: 'run', vcpu: 0, instructions: 1 });
  }
  return machine;
}

/** What differs between our registers and the native ones before step `step`. */
function differences(
  machine: Machine,
  native: NativeRun,
  step: number,
  undefinedFlags: bigint,
): string[] {
  const file = new BigUint64Array(REGISTER_FILE_WORDS);
  machine.slotOf(1).cpu.readRegisterFile(file);
  const at = step * WORDS_PER_STEP;
  const found: string[] = [];
  const compare = (name: string, ours: number, theirs: number, mask = 2n ** 64n - 1n): void => {
    const [a, b] = [(file[ours] ?? 0n) & mask, (native.words[at + theirs] ?? 0n) & mask];
    if (a !== b) found.push(`${name}: 0x${a.toString(16)}, native 0x${b.toString(16)}`);
  };
  compare('rip', REGISTER_FILE.rip, NATIVE.rip);
  for (let i = 0; i < 16; i++) compare(`general ${i}`, i, NATIVE.general + i);
  for (let i = 0; i < 32; i++) compare(`xmm ${i >> 1}`, REGISTER_FILE.xmm + i, NATIVE.xmm + i);
  compare('rflags', REGISTER_FILE.rflags, NATIVE.flags, ARITHMETIC_FLAGS & ~undefinedFlags);
  return found;
}

const ARITHMETIC_FLAGS = 0xcd5n;
const FLAG_BITS: readonly (readonly [RflagsBits, bigint])[] = [
  [RflagsBits.CF, 0x1n],
  [RflagsBits.PF, 0x4n],
  [RflagsBits.AF, 0x10n],
  [RflagsBits.ZF, 0x40n],
  [RflagsBits.SF, 0x80n],
  [RflagsBits.OF, 0x800n],
];

/** The flags that the architecture leaves undefined after the instruction at rip, of all so far. */
function undefinedAfter(machine: Machine, before: bigint): bigint {
  const ip = machine.slotOf(1).instructionPointer;
  const memory = machine.kernel.memoryOf(machine.kernel.processOf(taskOne(machine)));
  const decoder = new Decoder(64, memory.read(ip, 15) ?? new Uint8Array(0), DecoderOptions.None);
  const instruction = decoder.decode();
  const { rflagsUndefined, rflagsModified } = instruction;
  // By a count of zero, shifts leave flags as they are.
  const mayKeep = instruction.opCount > 1 && rflagsUndefined !== 0;
  let after = before;
  for (const [flag, bit] of FLAG_BITS) {
    if ((rflagsModified & flag) !== 0 && !mayKeep) after &= ~bit;
    if ((rflagsUndefined & flag) !== 0) after |= bit;
  }
  instruction.free();
  decoder.free();
  return after;
}

function taskOne(machine: Machine) {
  const [task] = machine.kernel.state.tasks;
  if (task === undefined) throw new Error('task 1 exists');
  return task;
}

describe('a compiled program, beside the same program stepped by ptrace', () => {
  it('has the same RIP, general and XMM registers after each instruction', async (context) => {
    const native = await stepNatively(context);
    expect(native.steps).toBeGreaterThan(STEPS_MIN);
    const machine = await bootAt(native);
    let undefinedFlags = 0n;
    // The last instruction recorded is the system call that ends it.
    for (let step = 0; step < native.steps; step++) {
      const found = differences(machine, native, step, undefinedFlags);
      expect({ step, found }).toEqual({ step, found: [] });
      undefinedFlags = undefinedAfter(machine, undefinedFlags);
      machine.apply({ kind: 'run', vcpu: 0, instructions: 1 });
    }
    expect(machine.outcome).toEqual({ kind: 'exit', status: 0 });
  }, 60_000);

  for (const slice of [7, 1000]) {
    it(`is where the native run is after slices of ${slice} instructions`, async (context) => {
      const native = await stepNatively(context);
      const machine = await bootAt(native);
      for (let step = 0; step < native.steps - 1; step += slice) {
        const found = differences(machine, native, step, ARITHMETIC_FLAGS);
        expect({ step, found }).toEqual({ step, found: [] });
        machine.apply({ kind: 'run', vcpu: 0, instructions: slice });
      }
      expect(machine.outcome).toEqual({ kind: 'exit', status: 0 });
    }, 60_000);
  }
});
