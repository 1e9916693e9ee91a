import { expect, onTestFinished } from 'vitest';
import { RECORD_BOUNDARY, RECORD_READ, RECORD_WRITE } from '../../emulator/engine/access-log.ts';
import type { Engine, EngineCpu, Exit } from '../../emulator/engine/engine.ts';
import {
  REGISTER_FILE_NAMES,
  REGISTER_FILE_WORDS,
} from '../../kernel-model/hardware/register-file.ts';
import type { EngineMapping } from '../../kernel-model/mm/address-space.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../kernel-model/mm/mapping.ts';
import { type AbstractInstruction, type Placed, place } from './abstract-program.ts';

export const PAGE = 4096;
export const CODE = 0x40_0000;
export const CODE_PAGES = 2;
export const DATA = 0x60_0000;
export const DATA_PAGES = 2;
export const READ_ONLY = 0x70_0000;
/** Nothing is mapped here or up to DATA. */
export const NOWHERE = 0x50_0000;
const RAM_BYTES = 64 * PAGE;
const CODE_RAM = 0;
export const DATA_RAM = 16 * PAGE;
const READ_ONLY_RAM = 32 * PAGE;
/** RAM that no mapping uses at first. */
export const SPARE_RAM = 40 * PAGE;

export const READ_EXEC = PROT_READ | PROT_EXEC;
export const READ_WRITE = PROT_READ | PROT_WRITE;

/** What an engine of the suite is opened with. */
export interface SubjectOptions {
  readonly ramBytes: number;
  readonly logReads: boolean;
  readonly onLogFull: () => void;
  readonly onCodePage: (ramOffset: number) => void;
}

/** An engine and how to give it programs. */
export interface OpenSubject {
  readonly engine: Engine;
  /** Puts code where RAM holds it; `codeChanged` is up to the caller. */
  put(code: readonly Placed[], ramOffset: number): void;
}

/** A kind of engine that the suite runs over. */
export interface Subject {
  readonly name: string;
  open(options: SubjectOptions): OpenSubject;
}

/** A record of the log, as a value. */
export interface LoggedAccess {
  readonly kind: 'load' | 'store' | 'boundary';
  readonly address: number;
  readonly sizeBytes: number;
  readonly value: bigint;
  readonly instruction: number;
}

const KINDS: ReadonlyMap<number, LoggedAccess['kind']> = new Map([
  [RECORD_READ, 'load'],
  [RECORD_WRITE, 'store'],
  [RECORD_BOUNDARY, 'boundary'],
]);

/** Page-aligned memory of RAM at an address. */
export function mapping(
  address: number,
  pages: number,
  ramOffset: number,
  protection: number,
): EngineMapping {
  return { address, length: pages * PAGE, ramOffset, protection };
}

export const codeMapping = mapping(CODE, CODE_PAGES, CODE_RAM, READ_EXEC);
export const dataMapping = mapping(DATA, DATA_PAGES, DATA_RAM, READ_WRITE);
const readOnlyMapping = mapping(READ_ONLY, 1, READ_ONLY_RAM, PROT_READ);
/** Code, data, and a page that can only be read. */
export const usualMappings = [codeMapping, dataMapping, readOnlyMapping];

/** An engine with one CPU over the usual memory, closed when the test ends. */
export class Rig {
  readonly engine: Engine;
  readonly cpu: EngineCpu;
  readonly ram: Uint8Array;
  /** Records taken in because the log was full, or by `takeLog`. */
  readonly taken: LoggedAccess[] = [];
  /** How often the log was full. */
  timesFull = 0;
  /** Pages of RAM that were announced to hold code. */
  readonly codePages: number[] = [];
  readonly #subject: OpenSubject;

  constructor(subject: Subject, options: { readonly logReads?: boolean } = {}) {
    this.#subject = subject.open({
      ramBytes: RAM_BYTES,
      logReads: options.logReads ?? false,
      onLogFull: () => {
        this.timesFull++;
        this.#take();
      },
      onCodePage: (ramOffset) => this.codePages.push(ramOffset),
    });
    this.engine = this.#subject.engine;
    this.ram = new Uint8Array(this.engine.ram);
    this.cpu = this.newCpu();
    onTestFinished(() => this.engine.close());
  }

  /** A CPU over the usual memory. */
  newCpu(): EngineCpu {
    const cpu = this.engine.createCpu();
    cpu.setMappings(usualMappings);
    onTestFinished(() => cpu.close());
    return cpu;
  }

  /** Puts a program at CODE, or elsewhere, and the CPU at its start. */
  load(
    program: readonly AbstractInstruction[],
    base = CODE,
    ramOffset = CODE_RAM + base - CODE,
  ): readonly Placed[] {
    const placed = place(base, program);
    this.#subject.put(placed, ramOffset);
    this.engine.codeChanged(ramOffset);
    this.cpu.instructionPointer = base;
    return placed;
  }

  #take(): void {
    this.taken.push(...readLog(this.engine));
    this.engine.log.clear();
  }

  /** Everything logged since the last call. */
  takeLog(): readonly LoggedAccess[] {
    this.#take();
    return this.taken.splice(0);
  }

  /** The bytes of the data pages. */
  data(): Uint8Array {
    return this.ram.slice(DATA_RAM, DATA_RAM + DATA_PAGES * PAGE);
  }

  /** A word of the data pages. */
  word(address: number): bigint {
    return new DataView(this.engine.ram).getBigUint64(DATA_RAM + address - DATA, true);
  }
}

function readLog({ log }: Engine): LoggedAccess[] {
  return Array.from({ length: log.length }, (_, i) => {
    const kind = KINDS.get(log.kind(i));
    expect(kind, `kind ${log.kind(i)} of record ${i}`).toBeDefined();
    return {
      kind: kind ?? 'store',
      address: log.address(i),
      sizeBytes: log.sizeBytes(i),
      value: BigInt.asUintN(log.sizeBytes(i) * 8 || 64, log.value(i)),
      instruction: log.instruction(i),
    };
  });
}

/** The register file by name. */
export function registersOf(cpu: EngineCpu): Readonly<Record<string, bigint>> {
  const file = new BigUint64Array(REGISTER_FILE_WORDS);
  cpu.readRegisterFile(file);
  return Object.fromEntries(REGISTER_FILE_NAMES.map((name, i) => [name, file[i] ?? 0n]));
}

/** Everything that an instruction can change, but for the log. */
export function stateOf(rig: Rig, cpu: EngineCpu = rig.cpu) {
  return {
    registers: registersOf(cpu),
    instructionPointer: cpu.instructionPointer,
    lastInstructionPointer: cpu.lastInstructionPointer,
    data: Buffer.from(rig.data()).toString('base64'),
  };
}

/** The exits of running as long as only the budget ends runs, `budget` at a time, `units` in all. */
export function runInSlices(cpu: EngineCpu, budget: number, units: number): Exit {
  let exit: Exit = { kind: 'budget' };
  for (let done = 0; done < units && exit.kind === 'budget'; done += cpu.retired) {
    exit = cpu.run(Math.min(budget, units - done));
  }
  return exit;
}
