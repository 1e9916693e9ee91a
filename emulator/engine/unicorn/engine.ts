import { assert } from '../../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { AccessLog, RECORD_BOUNDARY, RECORD_BYTES, RECORD_WRITE } from '../access-log.ts';
import type { Engine, EngineCpu } from '../engine.ts';
import { CodeMaps } from './code-maps.ts';
import { UnicornCpu } from './cpu.ts';
import { bindUnicorn, type Pointer, type UnicornLibrary } from './ffi.ts';
import { registerFaultHook, registerInterruptHook, registerMemoryHook } from './hooks.ts';
import { type HostMemory, makeExecutable, reserveHostMemory } from './host-memory.ts';
import { CODE_THUNK_OFFSET, MEMORY_THUNK_OFFSET, THUNK_BYTES } from './thunks.ts';

const LOG_RECORDS = 65_536;
const RECORD_SHIFT = Math.log2(RECORD_BYTES);
const UC_MEM_WRITE_UNMAPPED = 20;
const UC_MEM_FETCH_UNMAPPED = 21;
const UC_MEM_WRITE_PROT = 22;
const UC_MEM_FETCH_PROT = 24;

/** The memory fault that ended a run. */
export interface FaultRecord {
  readonly access: 'read' | 'write' | 'fetch';
  readonly address: number | bigint;
}

/** Bytes that a store at the end of a page replaced, kept until the next instruction. */
interface Overwritten {
  readonly instruction: number;
  readonly ramOffset: number;
  readonly bytes: Uint8Array;
}

/** What all CPUs of one engine use together. One CPU runs at a time. */
export interface EngineShared {
  readonly id: string;
  readonly library: UnicornLibrary;
  readonly ramPointer: Pointer;
  readonly ramBytes: Uint8Array;
  readonly codeMaps: CodeMaps;
  readonly logReads: boolean;
  readonly logControl: Pointer;
  readonly codeHook: Pointer;
  readonly memoryHook: Pointer;
  readonly slowMemoryHook: Pointer;
  readonly faultHook: Pointer;
  readonly interruptHook: Pointer;
  /** The CPU that runs, for the JavaScript hooks. */
  current: UnicornCpu | undefined;
  fault: FaultRecord | undefined;
  takeException(): number | undefined;
  undoPartialStores(instruction: number): void;
  drainLog(): void;
  logBoundary(instruction: number, previous: number): void;
}

export interface UnicornOptions {
  /** What locateUnicorn gave. */
  readonly libraryPath: string;
  readonly ramBytes: number;
  /** Log loads too; they are then as slow as stores. */
  readonly logReads: boolean;
  /** Called when the log is full; must clear it. */
  readonly onLogFull: () => void;
  /** Called when code is first decoded from a page of RAM: `codeChanged` is due if it is written. */
  readonly onCodePage: (ramOffset: number) => void;
}

/** Opens libunicorn as an Engine. x86-64 hosts only: the hooks are host machine code. */
export function openUnicorn(options: UnicornOptions): Engine {
  return new UnicornEngine(options);
}

class UnicornEngine implements Engine, EngineShared {
  readonly id: string;
  readonly library: UnicornLibrary;
  readonly ram: ArrayBuffer;
  readonly ramPointer: Pointer;
  readonly ramBytes: Uint8Array;
  readonly codeMaps: CodeMaps;
  readonly log: AccessLog;
  readonly logReads: boolean;
  readonly logControl: Pointer;
  readonly codeHook: Pointer;
  readonly memoryHook: Pointer;
  readonly slowMemoryHook: Pointer;
  readonly faultHook: Pointer;
  readonly interruptHook: Pointer;
  readonly drainLog: () => void;
  current: UnicornCpu | undefined;
  fault: FaultRecord | undefined;
  #exceptionVector: number | undefined;
  #overwritten: Overwritten[] = [];
  readonly #records: HostMemory = reserveHostMemory(LOG_RECORDS * RECORD_BYTES);
  readonly #cursor: BigUint64Array;
  readonly #cursorWords: Uint32Array;

  constructor(options: UnicornOptions) {
    this.library = bindUnicorn(options.libraryPath);
    this.id = `unicorn ${this.library.version}`;
    const ram = reserveHostMemory(options.ramBytes);
    this.ram = ram.buffer;
    this.ramPointer = ram.pointer;
    this.ramBytes = new Uint8Array(ram.buffer);
    this.codeMaps = new CodeMaps((frame) => options.onCodePage(frame * PAGE_SIZE));
    this.logReads = options.logReads;
    this.drainLog = options.onLogFull;
    const control = reserveHostMemory(PAGE_SIZE);
    this.logControl = control.pointer;
    this.#cursor = new BigUint64Array(control.buffer);
    this.#cursorWords = new Uint32Array(control.buffer);
    this.#cursor[1] = this.#records.pointer + BigInt(LOG_RECORDS * RECORD_BYTES);
    this.#resetLog();
    const base = Number(this.#records.pointer % 2n ** 32n);
    this.log = new AccessLog(
      this.#records.buffer,
      () => ((this.#cursorWords[0] ?? 0) - base) >>> RECORD_SHIFT,
      () => this.#resetLog(),
    );
    const code = reserveHostMemory(PAGE_SIZE);
    new Uint8Array(code.buffer).set(THUNK_BYTES);
    makeExecutable(code);
    this.codeHook = code.pointer + BigInt(CODE_THUNK_OFFSET);
    this.memoryHook = code.pointer + BigInt(MEMORY_THUNK_OFFSET);
    this.slowMemoryHook = registerMemoryHook((_uc, type, address, size, value) =>
      this.#slowAccess(type, Number(address), size, BigInt(value)),
    );
    this.faultHook = registerFaultHook((_uc, type, address) => this.#recordFault(type, address));
    this.interruptHook = registerInterruptHook((uc, vector) => {
      this.#exceptionVector ??= vector;
      this.library.stop(uc);
    });
  }

  createCpu(): EngineCpu {
    return new UnicornCpu(this);
  }

  codeChanged(ramOffset: number): void {
    this.codeMaps.invalidate(Math.floor(ramOffset / PAGE_SIZE));
  }

  close(): void {
    this.current = undefined;
  }

  takeException(): number | undefined {
    const vector = this.#exceptionVector;
    this.#exceptionVector = undefined;
    return vector;
  }

  /** Puts back what the faulting instruction stored before its fault; hardware stores nothing. */
  undoPartialStores(instruction: number): void {
    for (const saved of this.#overwritten.reverse()) {
      if (saved.instruction === instruction) this.ramBytes.set(saved.bytes, saved.ramOffset);
    }
    this.#overwritten = [];
  }

  logBoundary(instruction: number, previous: number): void {
    if (this.log.length >= LOG_RECORDS - 2) this.drainLog();
    this.#append(RECORD_BOUNDARY, instruction, 0, BigInt(previous), instruction);
  }

  #resetLog(): void {
    this.#cursor[0] = this.#records.pointer;
  }

  #recordFault(type: number, address: number | bigint): boolean {
    const isFetch = type === UC_MEM_FETCH_UNMAPPED || type === UC_MEM_FETCH_PROT;
    const isWrite = type === UC_MEM_WRITE_UNMAPPED || type === UC_MEM_WRITE_PROT;
    this.fault = { access: isFetch ? 'fetch' : isWrite ? 'write' : 'read', address };
    return false;
  }

  /** An access that reaches the end of its page, or finds the log full. */
  #slowAccess(type: number, address: number, sizeBytes: number, value: bigint): void {
    const cpu = this.current;
    assert(cpu !== undefined, 'a CPU is running');
    if (this.log.length >= LOG_RECORDS - 2) this.drainLog();
    const firstBytes = Math.min(sizeBytes, PAGE_SIZE - (address % PAGE_SIZE));
    if (type === RECORD_WRITE) {
      this.#keepOverwritten(cpu, address, firstBytes);
      cpu.noteSlowStore(address, sizeBytes, value);
    }
    this.#append(type, address, firstBytes, value, cpu.runningInstruction);
    if (firstBytes === sizeBytes) return;
    const rest = BigInt.asUintN(64, value) >> BigInt(firstBytes * 8);
    if (type === RECORD_WRITE)
      this.#keepOverwritten(cpu, address + firstBytes, sizeBytes - firstBytes);
    this.#append(type, address + firstBytes, sizeBytes - firstBytes, rest, cpu.runningInstruction);
  }

  #keepOverwritten(cpu: UnicornCpu, address: number, lengthBytes: number): void {
    const ramOffset = cpu.ramOffsetOf(address);
    if (ramOffset < 0) return;
    const instruction = cpu.runningInstruction;
    if (this.#overwritten.at(-1)?.instruction !== instruction) this.#overwritten = [];
    const bytes = this.ramBytes.slice(ramOffset, ramOffset + lengthBytes);
    this.#overwritten.push({ instruction, ramOffset, bytes });
  }

  #append(
    type: number,
    address: number,
    sizeBytes: number,
    value: bigint,
    instruction: number,
  ): void {
    const index = this.log.length;
    const longs = new BigUint64Array(this.#records.buffer, index * RECORD_BYTES, 4);
    longs[0] = BigInt(address);
    longs[1] = BigInt.asUintN(64, value);
    longs[2] = BigInt(sizeBytes) | (BigInt(type) << 32n);
    longs[3] = BigInt(instruction);
    this.#cursor[0] = this.#records.pointer + BigInt((index + 1) * RECORD_BYTES);
  }
}
