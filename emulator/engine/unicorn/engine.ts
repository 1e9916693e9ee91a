import { assert } from '../../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { type AccessLog, RECORD_READ, RECORD_WRITE } from '../access-log.ts';
import type { Engine, EngineCpu } from '../engine.ts';
import { CodeMaps } from './code-maps.ts';
import { ContextSlabs } from './context-slabs.ts';
import { UnicornCpu } from './cpu.ts';
import { bindUnicorn, type Pointer, type UnicornLibrary } from './ffi.ts';
import { registerFaultHook, registerInterruptHook, registerMemoryHook } from './hooks.ts';
import { reserveHostMemory } from './host-memory.ts';
import { LogRing } from './log-ring.ts';
import { type HookPointers, registerPortableHooks } from './portable-hooks.ts';
import { type AccessingCpu, SlowAccess } from './slow-access.ts';
import { StopSets } from './stop-sets.ts';
import { loadThunks } from './thunks.ts';

const UC_MEM_WRITE_UNMAPPED = 20;
const UC_MEM_FETCH_UNMAPPED = 21;
const UC_MEM_WRITE_PROT = 22;
const UC_MEM_FETCH_PROT = 24;

/** The memory fault that ended a run. */
export interface FaultRecord {
  readonly access: 'read' | 'write' | 'fetch';
  readonly address: number | bigint;
}

/** What all CPUs of one engine use together. One CPU runs at a time. */
export interface EngineShared {
  readonly id: string;
  readonly library: UnicornLibrary;
  readonly ramPointer: Pointer;
  readonly ramBytes: Uint8Array;
  readonly codeMaps: CodeMaps;
  /** Where saved contexts are kept. */
  readonly contextSlabs: ContextSlabs;
  readonly stopSets: StopSets;
  readonly logReads: boolean;
  readonly ring: LogRing;
  readonly slowAccess: SlowAccess;
  readonly hooks: HookPointers;
  readonly slowMemoryHook: Pointer;
  readonly faultHook: Pointer;
  readonly interruptHook: Pointer;
  /** The CPU that runs, for the JavaScript hooks. */
  current: AccessingCpu | undefined;
  fault: FaultRecord | undefined;
  takeException(): number | undefined;
}

export interface UnicornOptions {
  /** What locateUnicorn gave. */
  readonly libraryPath: string;
  readonly ramBytes: number;
  /** Log loads too; they are then as slow as stores. */
  readonly logReads: boolean;
  /** The hooks to use; those that run on any host are slow. By default the best for this host. */
  readonly hooks?: 'native' | 'portable';
  /** Called when the log is full; must clear it. */
  readonly onLogFull: () => void;
  /** Called when code is first decoded from a page of RAM: `codeChanged` is due if it is written. */
  readonly onCodePage: (ramOffset: number) => void;
}

/** Opens libunicorn as an Engine. */
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
  readonly contextSlabs: ContextSlabs;
  readonly stopSets: StopSets;
  readonly log: AccessLog;
  readonly logReads: boolean;
  readonly ring: LogRing;
  readonly slowAccess: SlowAccess;
  readonly hooks: HookPointers;
  readonly slowMemoryHook: Pointer;
  readonly faultHook: Pointer;
  readonly interruptHook: Pointer;
  current: AccessingCpu | undefined;
  fault: FaultRecord | undefined;
  #exceptionVector: number | undefined;

  constructor(options: UnicornOptions) {
    this.library = bindUnicorn(options.libraryPath);
    this.contextSlabs = new ContextSlabs(this.library);
    this.stopSets = new StopSets();
    this.stopSets = new StopSets();
    this.id = `unicorn ${this.library.version}`;
    const ram = reserveHostMemory(options.ramBytes);
    this.ram = ram.buffer;
    this.ramPointer = ram.pointer;
    this.ramBytes = new Uint8Array(ram.buffer);
    this.codeMaps = new CodeMaps((frame) => options.onCodePage(frame * PAGE_SIZE));
    this.logReads = options.logReads;
    this.ring = new LogRing(options.onLogFull);
    this.log = this.ring.log;
    this.slowAccess = new SlowAccess(this.ring, this.ramBytes);
    this.slowMemoryHook = registerMemoryHook((_uc, type, address, size, value) =>
      this.slowAccess.access(this.#running, type, Number(address), size, BigInt(value)),
    );
    this.hooks = this.#hooksFor(options.hooks ?? (process.arch === 'x64' ? 'native' : 'portable'));
    this.faultHook = registerFaultHook((_uc, type, address) => this.#recordFault(type, address));
    this.interruptHook = registerInterruptHook((uc, vector) => {
      this.#exceptionVector ??= vector;
      this.library.stop(uc);
    });
  }

  #hooksFor(kind: 'native' | 'portable'): HookPointers {
    if (kind === 'native') return loadThunks();
    return registerPortableHooks({
      library: this.library,
      codeMaps: this.codeMaps,
      ring: this.ring,
      slowAccess: this.slowAccess,
      running: () => this.#running,
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

  get #running(): AccessingCpu {
    assert(this.current !== undefined, 'a CPU is running');
    return this.current;
  }

  #recordFault(type: number, linear: number | bigint): boolean {
    // koffi gives some addresses of the upper half as negative numbers.
    const address = linear < 0 ? BigInt.asUintN(64, BigInt(linear)) : linear;
    const isFetch = type === UC_MEM_FETCH_UNMAPPED || type === UC_MEM_FETCH_PROT;
    const isWrite = type === UC_MEM_WRITE_UNMAPPED || type === UC_MEM_WRITE_PROT;
    const kind = isWrite ? RECORD_WRITE : RECORD_READ;
    this.fault ??= {
      access: isFetch ? 'fetch' : isWrite ? 'write' : 'read',
      address: this.slowAccess.faultAddress(this.#running, kind, address),
    };
    return false;
  }
}
