import type { Engine, EngineCpu } from '../../emulator/engine/engine.ts';
import { openUnicorn } from '../../emulator/engine/unicorn/engine.ts';
import { assert } from '../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../kernel-model/mm/mapping.ts';
import { type Row, timed } from './measure.ts';
import { type Reference, referenceLoop } from './reference.ts';

const CODE = 0x40_0000;
const DATA = 0x50_0000;
const RAM_BYTES = 16 * PAGE_SIZE;
const RUN_INSTRUCTIONS = 1_000_000;
const INSTRUCTION_POINTER = 16;

/** Endless loops of five instructions; rdi points to a page of data. */
const LOOPS = {
  /** add rax, 1; lea rdx, [rax+rbx]; xor rbx, rdx; add r8, rbx; jmp */
  'no stores': [
    ...[0x48, 0x83, 0xc0, 0x01, 0x48, 0x8d, 0x14, 0x18, 0x48, 0x31, 0xd3, 0x49, 0x01, 0xd8],
    ...[0xeb, 0xf0],
  ],
  /** add rax, 1; mov [rdi], rax; xor rbx, rax; add r8, rbx; jmp */
  '1 store in 5': [
    ...[0x48, 0x83, 0xc0, 0x01, 0x48, 0x89, 0x07, 0x48, 0x31, 0xc3, 0x49, 0x01, 0xd8],
    ...[0xeb, 0xf1],
  ],
} as const;

type LoopName = keyof typeof LOOPS;

/** What the C program does beside running. */
interface ReferenceSetUp {
  /** Exact counts by Unicorn's own counter, not by a hook that also looks the class up. */
  readonly byCount: boolean;
  /** A record for each store, as the testbed's engine always keeps. */
  readonly logsStores: boolean;
}

function openCpus(libraryPath: string, loop: LoopName): [EngineCpu, EngineCpu] {
  const engine: Engine = openUnicorn({
    libraryPath,
    ramBytes: RAM_BYTES,
    logReads: false,
    onLogFull: () => engine.log.clear(),
    onCodePage: () => {},
  });
  new Uint8Array(engine.ram).set(LOOPS[loop]);
  const mappings = [
    { address: CODE, length: PAGE_SIZE, ramOffset: 0, protection: PROT_READ | PROT_EXEC },
    {
      address: DATA,
      length: PAGE_SIZE,
      ramOffset: PAGE_SIZE,
      protection: PROT_READ | PROT_WRITE,
    },
  ];
  const open = (index: number): EngineCpu => {
    const cpu = engine.createCpu();
    cpu.setMappings(mappings);
    cpu.write('rdi', dataOf(index));
    cpu.instructionPointer = CODE;
    return cpu;
  };
  return [open(0), open(1)];
}

/** Each CPU stores to its own half of the page. */
function dataOf(cpu: number): bigint {
  return BigInt(DATA + (cpu * PAGE_SIZE) / 2);
}

/** Gives the C program the same loop on two CPUs. */
async function setUpBareReference(
  reference: Reference,
  loop: LoopName,
  { byCount, logsStores }: ReferenceSetUp,
): Promise<void> {
  await reference.tell(`reset ${Number(byCount)} ${Number(logsStores)}`);
  await reference.tell(`map ${CODE} ${PAGE_SIZE} ${PROT_READ | PROT_EXEC}`);
  await reference.tell('pad');
  await reference.tell(`map ${DATA} ${PAGE_SIZE} ${PROT_READ | PROT_WRITE}`);
  await reference.tell(`code ${CODE}`);
  await reference.tell(`write ${CODE} ${Buffer.from(LOOPS[loop]).toString('hex')}`);
  for (const cpu of [0, 1]) {
    const general = new Array<bigint>(INSTRUCTION_POINTER).fill(0n).with(7, dataOf(cpu));
    await reference.tell(`cpu ${cpu} ${general.join(' ')} ${CODE} 0x202 0`);
  }
  await reference.tell('save');
}

function runRow(name: string, loop: LoopName, setUp: ReferenceSetUp): Row {
  return {
    name,
    unit: 'MIPS',
    value: (ns) => (RUN_INSTRUCTIONS / ns) * 1000,
    prepare: async ({ libraryPath, reference }) => {
      const [cpu] = openCpus(libraryPath, loop);
      if (reference !== undefined) await setUpBareReference(reference, loop, setUp);
      return {
        ours: timed((iterations) => {
          for (let i = 0; i < iterations; i++) cpu.run(RUN_INSTRUCTIONS);
          assert(cpu.retired === RUN_INSTRUCTIONS, 'every instruction retired');
        }),
        reference: referenceLoop(reference, 'plain', RUN_INSTRUCTIONS),
      };
    },
  };
}

function sliceRow(instructions: number, loop: LoopName): Row {
  return {
    name: `slice of ${instructions} + switch, bare engine, ${loop}`,
    unit: 'ns',
    value: (ns) => ns,
    prepare: async ({ libraryPath, reference }) => {
      const [first, second] = openCpus(libraryPath, loop);
      const setUp = { byCount: false, logsStores: true };
      if (reference !== undefined) await setUpBareReference(reference, loop, setUp);
      return {
        ours: timed((iterations) => {
          for (let i = 0; i < iterations; i += 2) {
            first.run(instructions);
            second.run(instructions);
          }
        }),
        reference: referenceLoop(reference, 'slices', instructions),
      };
    },
  };
}

const HOOK = { byCount: false, logsStores: false };
const HOOK_AND_LOG = { byCount: false, logsStores: true };
const COUNT = { byCount: true, logsStores: false };

/** Rows about the engine alone. */
export const BARE_ROWS: readonly Row[] = [
  runRow('run, no stores', 'no stores', HOOK),
  runRow('run, 1 store in 5', '1 store in 5', HOOK),
  runRow('run, 1 store in 5, C logs stores too', '1 store in 5', HOOK_AND_LOG),
  runRow('run, no stores, C by uc count', 'no stores', COUNT),
  runRow('run, 1 store in 5, C by uc count', '1 store in 5', COUNT),
  ...[1, 5, 20].map((instructions) => sliceRow(instructions, 'no stores')),
  ...[1, 5, 20].map((instructions) => sliceRow(instructions, '1 store in 5')),
];
