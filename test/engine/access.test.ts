import { describe, expect, test } from 'vitest';
import type { EngineMapping } from '../../kernel-model/mm/address-space.ts';
import { PROT_READ } from '../../kernel-model/mm/mapping.ts';
import { unicornLibraries } from '../support/unicorn.ts';
import { CodeRig } from './code-rig.ts';
import { type MemoryEncoding, memoryEncodings } from './encodings.ts';
import {
  CODE,
  codeMapping,
  DATA,
  DATA_RAM,
  mapping,
  PAGE,
  READ_WRITE,
  registersOf,
} from './rig.ts';

const STACK = 0x68_0000;
const BORDER = DATA + PAGE;
const stack = mapping(STACK, 1, DATA_RAM + 4 * PAGE, READ_WRITE);
const first = (protection: number) => mapping(DATA, 1, DATA_RAM, protection);
const second = (protection: number) => mapping(BORDER, 1, DATA_RAM + PAGE, protection);

interface Placement {
  readonly what: string;
  readonly mappings: readonly EngineMapping[];
  readonly address: (sizeBytes: number) => number;
  /** Where the fault is, for an access of this kind; undefined if there is none. */
  readonly fault: (access: 'read' | 'write', address: number) => number | undefined;
}

/** An unaligned place that leaves some bytes before the border and some after. */
const across = (sizeBytes: number) => BORDER - Math.ceil(sizeBytes / 2);
const forWrites = (at: number) => (access: 'read' | 'write') =>
  access === 'write' ? at : undefined;

const whole: readonly Placement[] = [
  {
    what: 'in a page that is not there',
    mappings: [],
    address: () => DATA + 0x100,
    fault: (_, address) => address,
  },
  {
    what: 'in a read-only page',
    mappings: [first(PROT_READ)],
    address: () => DATA + 0x100,
    fault: forWrites(DATA + 0x100),
  },
];
const split: readonly Placement[] = [
  {
    what: 'up to the border of a page that is not there',
    mappings: [first(READ_WRITE)],
    address: (sizeBytes) => BORDER - sizeBytes,
    fault: () => undefined,
  },
  {
    what: 'into a page that is not there',
    mappings: [first(READ_WRITE)],
    address: across,
    fault: () => BORDER,
  },
  {
    what: 'into a page that is not there, by one byte',
    mappings: [first(READ_WRITE)],
    address: (sizeBytes) => BORDER - sizeBytes + 1,
    fault: () => BORDER,
  },
  {
    what: 'into a read-only page',
    mappings: [first(READ_WRITE), second(PROT_READ)],
    address: across,
    fault: forWrites(BORDER),
  },
  {
    what: 'out of a page that is not there',
    mappings: [second(READ_WRITE)],
    address: across,
    fault: (_, address) => address,
  },
  {
    what: 'out of a read-only page',
    mappings: [first(PROT_READ), second(READ_WRITE)],
    address: across,
    fault: (access, address) => (access === 'write' ? address : undefined),
  },
];

const encodings = memoryEncodings();

/** Unicorn reads past the operand of these: near the end of memory they end the run, without verdict. */
const overreading =
  /^(cvtt?ps2pi|cvtps2pd|cvtdq2pd|rounds[sd]) |^(punpckl(bw|wd|dq) mm0|movsxd ax),/;
/** These load in two parts, and keep the first where the second faults; executed again, both. */
const loadsInParts = /^(mov(ups|upd|dqu)|lddqu) xmm0/;

/** Ends translated blocks, which keeps translation short. */
const LOOP = [0xeb, 0xfe];

/** What memory holds; as a control word it masks all exceptions. */
const FILL = 0x3f;

function putBefore(rig: CodeRig, bytes: Uint8Array, after: readonly number[]): void {
  rig.ram.set(bytes, 0);
  rig.ram.set(after, bytes.length);
  rig.engine.codeChanged(0);
  rig.cpu.instructionPointer = CODE;
}

/** Executes one instruction with [rdi] at an address, and tells what is wrong with how it went. */
function misdeeds(rig: CodeRig, encoding: MemoryEncoding, placement: Placement): readonly string[] {
  const { bytes, text, access } = encoding;
  const address = placement.address(encoding.sizeBytes);
  rig.cpu.setMappings([codeMapping, ...placement.mappings, stack]);
  rig.ram.fill(FILL, DATA_RAM, DATA_RAM + 2 * PAGE);
  putBefore(rig, bytes, LOOP);
  rig.set({ rax: 3, rcx: 5, rdx: 0, rbx: 0, rdi: address, rsp: STACK + 0x800 });
  rig.cpu.write('rflags', 0xa97n);
  const before = registersOf(rig.cpu);
  const exit = rig.cpu.run(1);
  const expected = encoding.isHint ? undefined : placement.fault(access, address);
  if (expected === undefined) {
    // A branch goes to the address that memory holds, and a division may overflow.
    if (exit.kind === 'unsupported' && overreading.test(text)) return [];
    const isFine = exit.kind === 'budget' || (exit.kind === 'exception' && !/^mov/.test(text));
    rig.takeLog();
    return isFine ? [] : [`${text}: ${describeExit(exit)}`];
  }
  const wrong: string[] = [];
  const fault = { kind: 'fault', access, address: expected };
  if (JSON.stringify(exit) !== JSON.stringify(fault)) wrong.push(describeExit(exit));
  if (rig.cpu.retired !== 0) wrong.push(`${rig.cpu.retired} retired`);
  const after = registersOf(rig.cpu);
  const changed = Object.keys(before).filter(
    (name) => before[name] !== after[name] && !(name.startsWith('xmm0') && loadsInParts.test(text)),
  );
  if (changed.length > 0) wrong.push(`changes ${changed.join(', ')}`);
  if (rig.takeLog().length > 0) wrong.push('leaves records');
  if (rig.data().some((byte) => byte !== FILL)) wrong.push('changes memory');
  return wrong.map((what) => `${text}: ${what}`);
}

function describeExit(exit: object): string {
  return JSON.stringify(exit, (_, value) =>
    typeof value === 'bigint' || typeof value === 'number' ? `0x${value.toString(16)}` : value,
  );
}

test('the encodings are those of the whole instruction set', () => {
  expect(encodings.length).toBeGreaterThan(500);
  const texts = encodings.map(({ text }) => text.replace(/ .*/, ''));
  expect(texts).toEqual(
    expect.arrayContaining(['add', 'bts', 'fnsave', 'movups', 'movaps', 'rcl']),
  );
});

describe.each(await unicornLibraries())('%s', (library) => {
  test('an instruction executes where its memory is there', () => {
    const rig = new CodeRig(library);
    const there = {
      what: '',
      mappings: [first(READ_WRITE)],
      address: () => DATA,
      fault: () => undefined,
    };
    const wrong = encodings.flatMap((encoding) => misdeeds(rig, encoding, there));
    expect(wrong).toEqual([]);
  });

  test.each(whole)('an access $what faults and does nothing', (placement) => {
    const rig = new CodeRig(library, { logReads: true });
    expect(encodings.flatMap((encoding) => misdeeds(rig, encoding, placement))).toEqual([]);
  });

  test.each(split)('an access $what does all or nothing', (placement) => {
    const rig = new CodeRig(library, { logReads: true });
    const unaligned = encodings.filter(({ sizeBytes, isAligned }) => sizeBytes > 1 && !isAligned);
    expect(unaligned.flatMap((encoding) => misdeeds(rig, encoding, placement))).toEqual([]);
  });

  test('a misaligned operand raises an exception where hardware demands alignment', () => {
    const rig = new CodeRig(library);
    const demanding = encodings.filter(({ isAligned }) => isAligned);
    expect(demanding.map(({ text }) => text.replace(/ .*/, ''))).toEqual(
      expect.arrayContaining(['movaps', 'movdqa', 'paddd', 'movntdq', 'addps', 'pshufb']),
    );
    for (const { bytes, text } of demanding) {
      putBefore(rig, bytes, LOOP);
      for (const [offset, kind] of [
        [8, 'exception'],
        [1, 'exception'],
        [16, 'budget'],
      ] as const) {
        rig.cpu.instructionPointer = CODE;
        rig.set({ rdi: DATA + offset });
        const exit = rig.cpu.run(1);
        expect(exit.kind, `${text} at ${offset}`).toBe(kind);
        if (exit.kind === 'exception') expect(exit.exception).toBe('general-protection');
      }
    }
  });
});
