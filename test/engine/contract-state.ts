import { expect } from 'vitest';
import type { CpuContext } from '../../emulator/engine/engine.ts';
import {
  REGISTER_FILE,
  REGISTER_FILE_NAMES,
  REGISTER_FILE_WORDS,
} from '../../kernel-model/hardware/register-file.ts';
import { GENERAL_REGISTERS } from '../../kernel-model/hardware/registers.ts';
import { ending, load, nop, set, store } from './abstract-program.ts';
import type { ContractCheck } from './contract.ts';
import {
  CODE,
  codeMapping,
  DATA,
  DATA_RAM,
  dataMapping,
  mapping,
  PAGE,
  READ_EXEC,
  READ_WRITE,
  Rig,
  registersOf,
  SPARE_RAM,
  type Subject,
  stateOf,
  usualMappings,
} from './rig.ts';

const RFLAGS_AT_RESET = 0x202n;

function registersByName(subject: Subject): void {
  const { cpu } = new Rig(subject);
  expect(cpu.read('rflags')).toBe(RFLAGS_AT_RESET);
  const names = [...GENERAL_REGISTERS, 'fs_base', 'gs_base'] as const;
  for (const name of names) expect(cpu.read(name), name).toBe(0n);
  names.forEach((name, i) => {
    cpu.write(name, 0xfedc_ba98_0000_0000n + BigInt(i));
  });
  names.forEach((name, i) => {
    expect(cpu.read(name), name).toBe(0xfedc_ba98_0000_0000n + BigInt(i));
  });
  cpu.write('rflags', 0x8d7n | RFLAGS_AT_RESET);
  expect(cpu.read('rflags')).toBe(0x8d7n | RFLAGS_AT_RESET);
}

/** A register file whose every word is its own and legal. */
function distinctFile(): BigUint64Array {
  const file = BigUint64Array.from({ length: REGISTER_FILE_WORDS }, (_, i) => BigInt(i + 1) << 33n);
  file[REGISTER_FILE.rip] = BigInt(CODE);
  file[REGISTER_FILE.rflags] = 0xcd7n;
  file[REGISTER_FILE.mxcsr] = 0x7fbfn;
  file[REGISTER_FILE.fpControl] = 0x77fn;
  file[REGISTER_FILE.fpStatus] = 0x3100n;
  file[REGISTER_FILE.fpTag] = 0x3ffn;
  for (let i = 0; i < 8; i++) {
    file[REGISTER_FILE.st + 2 * i] = 0x8000_0000_0000_0000n + BigInt(i);
    file[REGISTER_FILE.st + 2 * i + 1] = 0x4000n + BigInt(i);
  }
  return file;
}

function registerFiles(subject: Subject): void {
  const { cpu } = new Rig(subject);
  const file = distinctFile();
  cpu.writeRegisterFile(file);
  const read = new BigUint64Array(REGISTER_FILE_WORDS);
  cpu.readRegisterFile(read);
  const different = REGISTER_FILE_NAMES.filter((_, i) => read[i] !== file[i]);
  expect(different).toEqual([]);
  expect(cpu.instructionPointer).toBe(CODE);
  expect(cpu.read('rbx')).toBe(file[GENERAL_REGISTERS.indexOf('rbx')]);
  cpu.write('rbx', 5n);
  cpu.instructionPointer = CODE + 3;
  expect(registersOf(cpu)).toMatchObject({ rbx: 5n, rip: BigInt(CODE + 3) });
}

function contextsHoldEverything(subject: Subject): void {
  const rig = new Rig(subject);
  const { cpu } = rig;
  const [, first] = rig.load([set('rax', 3n), nop, store(DATA), nop, set('rbx', 4n)]);
  cpu.writeRegisterFile(distinctFile());
  cpu.run(2);
  const registers = registersOf(cpu);
  const context = cpu.saveContext();
  cpu.run(2);
  cpu.write('rdx', 99n);
  cpu.write('fs_base', 77n);
  cpu.writeRegisterFile(new BigUint64Array(REGISTER_FILE_WORDS));
  for (let round = 0; round < 2; round++) {
    cpu.restoreContext(context);
    expect(registersOf(cpu)).toEqual(registers);
    expect(cpu.lastInstructionPointer).toBe(first?.address);
    expect(cpu.run(3)).toEqual({ kind: 'budget' });
    expect(cpu.read('rbx')).toBe(4n);
  }
}

function contextsMoveBetweenCpus(subject: Subject): void {
  const rig = new Rig(subject);
  rig.load([set('rax', 3n), set('rbx', 4n), store(DATA), nop]);
  const short = rig.engine.createCpu();
  short.setMappings(usualMappings);
  short.instructionPointer = CODE;
  short.write('fs_base', 0x1234n);
  short.run(2);
  const context = short.saveContext();
  const state = stateOf(rig, short);
  const used = rig.newCpu();
  used.instructionPointer = CODE;
  used.write('rcx', 1n);
  used.run(1);
  for (const other of [used, rig.newCpu()]) {
    other.restoreContext(context);
    expect(stateOf(rig, other)).toEqual(state);
  }
  short.close();
  used.restoreContext(context);
  expect(used.run(2)).toEqual({ kind: 'budget' });
  expect(rig.word(DATA)).toBe(3n);
}

/** Overwriting a context that is not needed any more leaves the others alone. */
function contextsAreReused(subject: Subject): void {
  const { cpu } = new Rig(subject);
  const saveWith = (value: bigint, reuse?: CpuContext) => {
    cpu.write('rax', value);
    cpu.write('r15', value + 1n);
    return cpu.saveContext(reuse);
  };
  const first = saveWith(1n);
  const spare = saveWith(2n);
  const third = saveWith(3n);
  const fourth = saveWith(4n, spare);
  const contexts = [first, third, fourth, first];
  const found = contexts.map((context) => {
    cpu.restoreContext(context);
    return [cpu.read('rax'), cpu.read('r15')];
  });
  expect(found).toEqual([1n, 3n, 4n, 1n].map((value) => [value, value + 1n]));
}

function contextsAreOfTheirEngine(subject: Subject): void {
  const { cpu } = new Rig(subject);
  expect(() => cpu.restoreContext({ engine: 'another 1' })).toThrow(/context/);
}

function cpusAreSeparate(subject: Subject): void {
  const rig = new Rig(subject);
  const other = rig.newCpu();
  rig.load([set('rax', 3n), store(DATA), load(DATA + 8), nop]);
  other.instructionPointer = CODE;
  other.write('rax', 1n);
  rig.cpu.run(1);
  expect(other.read('rax')).toBe(1n);
  expect(other.instructionPointer).toBe(CODE);
  rig.cpu.run(1);
  expect(other.run(4)).toEqual({ kind: 'budget' });
  expect(rig.cpu.retired).toBe(1);
  rig.ram[DATA_RAM + 8] = 77;
  rig.cpu.run(1);
  expect(rig.cpu.read('rax')).toBe(77n);
  expect(other.read('rax')).toBe(0n);
}

/** RAM is where the engine says, in both directions and under every address it is mapped at. */
function ramIsShared(subject: Subject): void {
  const rig = new Rig(subject);
  const alias = 0x7fff_0000_0000;
  rig.cpu.setMappings([codeMapping, dataMapping, mapping(alias, 2, DATA_RAM, READ_WRITE)]);
  rig.load([load(DATA + 40), store(alias + PAGE + 8), load(DATA + PAGE + 8)]);
  new DataView(rig.engine.ram).setBigUint64(DATA_RAM + 40, 0xdead_beefn, true);
  expect(rig.cpu.run(3)).toEqual({ kind: 'budget' });
  expect(rig.cpu.read('rax')).toBe(0xdead_beefn);
  expect(rig.takeLog()).toMatchObject([{ address: alias + PAGE + 8, value: 0xdead_beefn }]);
  rig.cpu.setMappings([codeMapping, mapping(DATA, 1, SPARE_RAM, READ_WRITE)]);
  new DataView(rig.engine.ram).setBigUint64(SPARE_RAM + 40, 5n, true);
  rig.cpu.instructionPointer = CODE;
  expect(rig.cpu.run(1)).toEqual({ kind: 'budget' });
  expect(rig.cpu.read('rax')).toBe(5n);
}

function changedCode(subject: Subject): void {
  const rig = new Rig(subject);
  rig.load([set('rax', 1n), nop, nop]);
  expect(rig.codePages).toEqual([]);
  rig.cpu.run(3);
  expect(rig.codePages).toEqual([0]);
  rig.cpu.instructionPointer = CODE;
  rig.cpu.run(3);
  expect(rig.codePages).toEqual([0]);
  const other = rig.newCpu();
  other.instructionPointer = CODE;
  other.run(3);
  for (const value of [2n, 3n]) {
    rig.load([set('rax', value), ending('syscall')]);
    other.instructionPointer = CODE;
    for (const cpu of [rig.cpu, other]) {
      expect(cpu.run(5)).toEqual({ kind: 'syscall' });
      expect(cpu.read('rax')).toBe(value);
    }
  }
  expect(rig.codePages).toEqual([0, 0, 0]);
}

/** What is mapped at an address is what runs there, without any word of changed code. */
function remappedCode(subject: Subject): void {
  const rig = new Rig(subject);
  rig.load([set('rax', 1n), ending('syscall')]);
  rig.load([set('rax', 2n), ending('cpuid')], CODE, SPARE_RAM);
  const second = mapping(CODE, 2, SPARE_RAM, READ_EXEC);
  for (let round = 0; round < 3; round++) {
    rig.cpu.setMappings([codeMapping]);
    rig.cpu.instructionPointer = CODE;
    const isScripted = rig.engine.id.startsWith('scripted');
    if (!isScripted) {
      expect(rig.cpu.run(5)).toEqual({ kind: 'syscall' });
      expect(rig.cpu.read('rax')).toBe(1n);
    }
    rig.cpu.setMappings([second]);
    rig.cpu.instructionPointer = CODE;
    expect(rig.cpu.run(5)).toMatchObject({ kind: 'instruction' });
    expect(rig.cpu.read('rax')).toBe(2n);
  }
}

function identifies(subject: Subject): void {
  expect(new Rig(subject).engine.id).toMatch(/^[a-z]+ \d+(\.\d+)*$/);
}

/** Registers, contexts, and what an engine knows of memory and code. */
export const stateChecks: readonly ContractCheck[] = [
  { name: 'an engine names itself and its version', check: identifies },
  { name: 'registers are read and written by name', check: registersByName },
  { name: 'a register file is read back as it was written', check: registerFiles },
  { name: 'a context holds all registers and the position', check: contextsHoldEverything },
  { name: 'a context goes from CPU to CPU', check: contextsMoveBetweenCpus },
  { name: 'a context may be overwritten', check: contextsAreReused },
  { name: 'a context of another engine is our mistake', check: contextsAreOfTheirEngine },
  { name: 'CPUs have their own registers and the same memory', check: cpusAreSeparate },
  { name: 'memory is the RAM that is mapped', check: ramIsShared },
  { name: 'changed code is what runs next, on every CPU', check: changedCode },
  { name: 'code mapped elsewhere is what runs there', check: remappedCode },
];
