import { expect } from 'vitest';
import type { Exit } from '../../emulator/engine/engine.ts';
import { PROT_READ } from '../../kernel-model/mm/mapping.ts';
import { type AbstractInstruction, fill, jump, load, nop, set, store } from './abstract-program.ts';
import type { ContractCheck } from './contract.ts';
import {
  CODE,
  codeMapping,
  DATA,
  DATA_RAM,
  dataMapping,
  mapping,
  NOWHERE,
  PAGE,
  READ_EXEC,
  READ_ONLY,
  READ_WRITE,
  Rig,
  SPARE_RAM,
  type Subject,
  stateOf,
  usualMappings,
} from './rig.ts';

interface FaultCase {
  readonly what: string;
  readonly instruction: AbstractInstruction;
  readonly access: 'read' | 'write';
  readonly address: number;
}

/** Data ends at DATA + 2 pages; the page before it is not mapped either. */
const endOfData = DATA + 2 * PAGE;
const cases: readonly FaultCase[] = [
  { what: 'store to nowhere', instruction: store(NOWHERE), access: 'write', address: NOWHERE },
  { what: 'store to page 0', instruction: store(0), access: 'write', address: 0 },
  {
    what: 'read-only page',
    instruction: store(READ_ONLY + 8),
    access: 'write',
    address: READ_ONLY + 8,
  },
  { what: 'store to code', instruction: store(CODE + 80), access: 'write', address: CODE + 80 },
  {
    what: 'load from nowhere',
    instruction: load(NOWHERE + 16),
    access: 'read',
    address: NOWHERE + 16,
  },
  {
    what: 'store over the end of data',
    instruction: store(endOfData - 3),
    access: 'write',
    address: endOfData,
  },
  {
    what: 'short store over the end of data',
    instruction: store(endOfData - 1, 2),
    access: 'write',
    address: endOfData,
  },
  {
    what: 'load over the end of data',
    instruction: load(endOfData - 1),
    access: 'read',
    address: endOfData,
  },
  {
    what: 'store over the start of data',
    instruction: store(DATA - 1),
    access: 'write',
    address: DATA - 1,
  },
  {
    what: 'load over the start of data',
    instruction: load(DATA - 7),
    access: 'read',
    address: DATA - 7,
  },
];

function faultsHaveNoEffect(subject: Subject): void {
  for (const { what, instruction, access, address } of cases) {
    const rig = new Rig(subject, { logReads: true });
    rig.ram.fill(0x5a, DATA_RAM, DATA_RAM + 2 * PAGE);
    const [, , faulting] = rig.load([set('rax', 0x1122_3344_5566_7788n), store(DATA), instruction]);
    expect(rig.cpu.run(2)).toEqual({ kind: 'budget' });
    const before = stateOf(rig);
    rig.takeLog();
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(rig.cpu.run(5), `${what}, attempt ${attempt}`).toEqual({
        kind: 'fault',
        access,
        address,
      });
      expect(rig.cpu.retired).toBe(0);
      expect(rig.cpu.instructionPointer).toBe(faulting?.address);
      expect(stateOf(rig), what).toEqual(before);
      expect(rig.takeLog(), what).toEqual([]);
    }
  }
}

function faultsCount(subject: Subject): void {
  const rig = new Rig(subject);
  rig.load([set('rax', 7n), store(DATA), nop, store(NOWHERE), nop]);
  expect(rig.cpu.run(10)).toMatchObject({ kind: 'fault', address: NOWHERE });
  expect(rig.cpu.retired).toBe(3);
  expect(rig.takeLog()).toMatchObject([{ address: DATA, value: 7n }]);
}

function fetchFaults(subject: Subject): void {
  const targets: readonly (readonly [string, number])[] = [
    ['nowhere', NOWHERE],
    ['address 0', 0],
    ['data', DATA + 4],
  ];
  for (const [what, to] of targets) {
    const rig = new Rig(subject);
    rig.load([nop, jump(to)]);
    expect(rig.cpu.run(10), what).toEqual({ kind: 'fault', access: 'fetch', address: to });
    expect(rig.cpu.retired, what).toBe(2);
    expect(rig.cpu.instructionPointer, what).toBe(to);
    expect(rig.cpu.lastInstructionPointer, what).toBe(CODE + 1);
    expect(rig.cpu.run(10), what).toEqual({ kind: 'fault', access: 'fetch', address: to });
    expect(rig.cpu.retired, what).toBe(0);
  }
}

function faultsAreRepaired(subject: Subject): void {
  const rig = new Rig(subject);
  rig.load([set('rax', 9n), store(NOWHERE + PAGE - 4), load(NOWHERE), jump(NOWHERE)]);
  const fault = (): Exit => rig.cpu.run(10);
  expect(fault()).toMatchObject({ access: 'write', address: NOWHERE + PAGE - 4 });
  rig.cpu.setMappings([codeMapping, mapping(NOWHERE, 1, SPARE_RAM, READ_WRITE)]);
  expect(fault()).toMatchObject({ access: 'write', address: NOWHERE + PAGE });
  rig.cpu.setMappings([codeMapping, mapping(NOWHERE, 2, SPARE_RAM, READ_WRITE)]);
  expect(fault()).toMatchObject({ access: 'fetch', address: NOWHERE });
  expect(rig.cpu.retired).toBe(3);
  expect(rig.ram[SPARE_RAM + PAGE - 4]).toBe(9);
  rig.cpu.setMappings([codeMapping, mapping(NOWHERE, 2, SPARE_RAM, READ_EXEC)]);
  rig.load([nop, nop], NOWHERE, SPARE_RAM);
  expect(rig.cpu.run(2)).toEqual({ kind: 'budget' });
}

function repetitionFaultsMidway(subject: Subject): void {
  for (const [sizeBytes, start, fits, address] of [
    [8, endOfData - 32, 4n, endOfData],
    [8, endOfData - 28, 3n, endOfData],
    [1, endOfData - 5, 5n, endOfData],
    [8, NOWHERE, 0n, NOWHERE],
  ] as const) {
    const rig = new Rig(subject);
    rig.load([fill(sizeBytes)]);
    rig.cpu.write('rax', 0x0101_0101_0101_0101n);
    rig.cpu.write('rcx', 20n);
    rig.cpu.write('rdi', BigInt(start));
    const fault = { kind: 'fault', access: 'write', address };
    expect(rig.cpu.run(100)).toEqual(fault);
    expect(rig.cpu.retired).toBe(Number(fits));
    expect(rig.cpu.instructionPointer).toBe(CODE);
    expect(rig.cpu.read('rcx')).toBe(20n - fits);
    const reached = start + Number(fits) * sizeBytes;
    expect(rig.cpu.read('rdi')).toBe(BigInt(reached));
    const written = rig.data().filter((byte) => byte === 1).length;
    expect(written).toBe(Number(fits) * sizeBytes);
    const logged = rig.takeLog();
    expect(logged.reduce((bytes, record) => bytes + record.sizeBytes, 0)).toBe(written);
    expect(rig.cpu.run(100)).toEqual(fault);
    expect(rig.cpu.retired).toBe(0);
    rig.cpu.setMappings([codeMapping, dataMapping, mapping(endOfData, 1, SPARE_RAM, READ_WRITE)]);
    if (start === NOWHERE) continue;
    expect(rig.cpu.run(Number(20n - fits))).toEqual({ kind: 'budget' });
    expect(rig.cpu.read('rcx')).toBe(0n);
    expect(
      rig.ram.subarray(DATA_RAM, DATA_RAM + 2 * PAGE).filter((byte) => byte === 1),
    ).toHaveLength(endOfData - start);
  }
}

/** A store that succeeded at the end of a page is not undone by the next one's fault. */
function earlierStoresStay(subject: Subject): void {
  const rig = new Rig(subject);
  rig.cpu.setMappings([codeMapping, dataMapping]);
  rig.load([fill(8)]);
  rig.cpu.write('rax', 0x0303_0303_0303_0303n);
  rig.cpu.write('rdi', BigInt(endOfData - 8));
  rig.cpu.write('rcx', 2n);
  expect(rig.cpu.run(5)).toMatchObject({ kind: 'fault', address: endOfData });
  expect(rig.cpu.retired).toBe(1);
  expect(rig.word(endOfData - 8)).toBe(0x0303_0303_0303_0303n);
}

function protectionFollows(subject: Subject): void {
  const rig = new Rig(subject);
  const [write, read, again] = rig.load([store(DATA), load(DATA), jump(CODE)]);
  const withData = (protection: number) => [codeMapping, mapping(DATA, 1, DATA_RAM, protection)];
  const flips: readonly (readonly [number, 'read' | 'write' | undefined])[] = [
    [READ_WRITE, undefined],
    [PROT_READ, 'write'],
    [READ_WRITE, undefined],
    [0, 'write'],
    [PROT_READ, 'write'],
    [READ_EXEC, 'write'],
    [READ_WRITE, undefined],
  ];
  for (const [protection, access] of [...flips, ...flips]) {
    rig.cpu.instructionPointer = write?.address ?? 0;
    rig.cpu.setMappings(withData(protection));
    const expected = access ? { kind: 'fault', access, address: DATA } : { kind: 'budget' };
    expect(rig.cpu.run(3), `store with protection ${protection}`).toEqual(expected);
    rig.cpu.instructionPointer = read?.address ?? 0;
    const readable = protection === 0 ? { kind: 'fault', access: 'read' } : { kind: 'budget' };
    expect(rig.cpu.run(1), `load with protection ${protection}`).toMatchObject(readable);
  }
  rig.cpu.instructionPointer = again?.address ?? 0;
  rig.cpu.setMappings([mapping(CODE, 2, 0, PROT_READ), dataMapping]);
  expect(rig.cpu.run(3)).toEqual({ kind: 'fault', access: 'fetch', address: again?.address });
  rig.cpu.setMappings(usualMappings);
  expect(rig.cpu.run(3)).toEqual({ kind: 'budget' });
}

function overTheCodeEnd(subject: Subject): void {
  const rig = new Rig(subject);
  const end = CODE + 2 * PAGE;
  const [, , crossing] = rig.load([nop, nop, set('rax', 1n)], end - 6);
  expect(rig.cpu.run(5)).toEqual({ kind: 'fault', access: 'fetch', address: end });
  expect(rig.cpu.retired).toBe(2);
  expect(rig.cpu.instructionPointer).toBe(crossing?.address);
}

/** Faults: where, why, and that nothing happened. */
export const faultChecks: readonly ContractCheck[] = [
  { name: 'an instruction that faults has no effect, each time', check: faultsHaveNoEffect },
  { name: 'what came before a fault counts and stays', check: faultsCount },
  { name: 'code that cannot be fetched', check: fetchFaults },
  { name: 'a run goes on once the mapping is there', check: faultsAreRepaired },
  { name: 'a repeated store faults between iterations', check: repetitionFaultsMidway },
  { name: 'a fault undoes no store of an earlier iteration', check: earlierStoresStay },
  { name: 'changes of protection take effect at once', check: protectionFollows },
  { name: 'an instruction that goes on in a page that cannot be fetched', check: overTheCodeEnd },
];
