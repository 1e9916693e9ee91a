import koffi from 'koffi';
import { assert } from '../../../kernel-model/assert.ts';

/** A pointer of the host, as koffi takes and gives it. */
export type Pointer = bigint;

/**
 * What we use of libunicorn, one typed function a C function. Constants are Unicorn's own. The calls
 * that a slice makes take their pointers as numbers, which koffi passes 40 ns faster than bigints;
 * user-space pointers are exact.
 */
export interface UnicornLibrary {
  readonly version: string;
  open(): Pointer;
  close(uc: Pointer): void;
  start(uc: number, begin: number, until: number, timeout: number, count: number): number;
  readonly startFunction: Pointer;
  readonly stopFunction: Pointer;
  stop(uc: Pointer): void;
  mapPointer(uc: Pointer, address: number, length: number, protection: number, at: Pointer): void;
  mapPadding(uc: Pointer, address: bigint, length: number): void;
  unmap(uc: Pointer, address: number, length: number): void;
  protect(uc: Pointer, address: number, length: number, protection: number): void;
  addHook(uc: Pointer, type: number, callback: Pointer, userData: Pointer): void;
  readRegister(uc: number, register: number, value: number): void;
  /** `registers`: an array of int, `values`: one of pointers to where each goes. */
  readRegisters(uc: number, registers: number, values: number, count: number): void;
  writeRegister(uc: number, register: number, value: number): void;
  allocateContext(uc: Pointer): Pointer;
  contextSizeBytes(uc: Pointer): number;
  saveContext(uc: number, context: number): void;
  restoreContext(uc: number, context: number): void;
  /** Drops translations of [start, end), which must still be mapped; a whole flush costs seconds. */
  removeTranslations(uc: Pointer, start: number, end: number): void;
  /** Addresses before which translated blocks, and runs, end; translations must be flushed too. */
  setExits(uc: Pointer, addresses: readonly number[]): void;
  errorText(error: number): string;
}

const UC_ARCH_X86 = 4;
const UC_MODE_64 = 8;
const UC_CTL_UC_USE_EXITS = 4;
const UC_CTL_UC_EXITS = 6;
const UC_CTL_CPU_MODEL = 7;
const UC_CTL_TB_REMOVE_CACHE = 9;
const UC_CTL_TLB_TYPE = 12;
const UC_TLB_VIRTUAL = 1;
/** 2.1 refuses what a model lacks; this has all that we report. 2.0 takes no notice. */
const UC_CPU_X86_BROADWELL = 20;
const CONTROL_WRITE = 1 << 30;
const ARGUMENTS_SHIFT = 26;

/** Binds libunicorn. `path` is what locateUnicorn gave. */
export function bindUnicorn(path: string): UnicornLibrary {
  const library = koffi.load(path);
  const versionOf = library.func('unsigned int uc_version(void*, void*)');
  const open = library.func('int uc_open(int, int, _Out_ void**)');
  const close = library.func('int uc_close(void*)');
  const start = library.func('int uc_emu_start(uint64_t, uint64_t, uint64_t, uint64_t, size_t)');
  const stop = library.func('int uc_emu_stop(void*)');
  const mapPointer = library.func('int uc_mem_map_ptr(void*, uint64_t, size_t, uint32_t, void*)');
  const map = library.func('int uc_mem_map(void*, uint64_t, size_t, uint32_t)');
  const unmap = library.func('int uc_mem_unmap(void*, uint64_t, size_t)');
  const protect = library.func('int uc_mem_protect(void*, uint64_t, size_t, uint32_t)');
  const hookAdd = library.func(
    'int uc_hook_add(void*, _Out_ size_t*, int, void*, void*, uint64_t, uint64_t)',
  );
  const control = library.func('int uc_ctl(void*, int, ...)');
  const regRead = library.func('int uc_reg_read(uint64_t, int, uint64_t)');
  const regReadBatch = library.func('int uc_reg_read_batch(uint64_t, uint64_t, uint64_t, int)');
  const regWrite = library.func('int uc_reg_write(uint64_t, int, uint64_t)');
  const contextAlloc = library.func('int uc_context_alloc(void*, _Out_ void**)');
  const contextSize = library.func('size_t uc_context_size(void*)');
  const contextSave = library.func('int uc_context_save(uint64_t, uint64_t)');
  const contextRestore = library.func('int uc_context_restore(uint64_t, uint64_t)');
  const errorText = library.func('const char* uc_strerror(int)');
  const check = (error: number, what: string): void => {
    if (error !== 0) assert(false, `${what}: ${errorText(error)}`);
  };
  return {
    version: formatVersion(versionOf(null, null)),
    open: () => {
      const uc = takePointer((out) => check(open(UC_ARCH_X86, UC_MODE_64, out), 'uc_open'));
      const setModel = UC_CTL_CPU_MODEL | (1 << ARGUMENTS_SHIFT) | CONTROL_WRITE;
      check(control(uc, setModel, 'int', UC_CPU_X86_BROADWELL), 'uc_ctl CPU model');
      const useExits = UC_CTL_UC_USE_EXITS | (1 << ARGUMENTS_SHIFT) | CONTROL_WRITE;
      check(control(uc, useExits, 'int', 1), 'uc_ctl exits');
      // 2.1 drops the bits from 52 on of addresses otherwise; 2.0, which does not, lacks the command.
      const setTlb = UC_CTL_TLB_TYPE | (1 << ARGUMENTS_SHIFT) | CONTROL_WRITE;
      control(uc, setTlb, 'int', UC_TLB_VIRTUAL);
      return uc;
    },
    close: (uc) => check(close(uc), 'uc_close'),
    start,
    startFunction: koffi.address(library.symbol('uc_emu_start')),
    stopFunction: koffi.address(library.symbol('uc_emu_stop')),
    stop,
    mapPointer: (uc, address, length, protection, at) =>
      check(mapPointer(uc, address, length, protection, at), `uc_mem_map_ptr ${address}`),
    mapPadding: (uc, address, length) => check(map(uc, address, length, 0), 'uc_mem_map'),
    unmap: (uc, address, length) => check(unmap(uc, address, length), 'uc_mem_unmap'),
    protect: (uc, address, length, protection) =>
      check(protect(uc, address, length, protection), 'uc_mem_protect'),
    addHook: (uc, type, callback, userData) => {
      const handle: [number] = [0];
      check(hookAdd(uc, handle, type, callback, userData, 1, 0), 'uc_hook_add');
    },
    readRegister: regRead,
    readRegisters: regReadBatch,
    writeRegister: regWrite,
    allocateContext: (uc) => takePointer((out) => check(contextAlloc(uc, out), 'uc_context_alloc')),
    contextSizeBytes: (uc) => Number(contextSize(uc)),
    saveContext: contextSave,
    restoreContext: contextRestore,
    removeTranslations: (uc, start, end) => {
      const type = UC_CTL_TB_REMOVE_CACHE | (2 << ARGUMENTS_SHIFT) | CONTROL_WRITE;
      check(control(uc, type, 'uint64_t', start, 'uint64_t', end), 'uc_ctl remove cache');
    },
    setExits: (uc, addresses) => {
      const list = BigUint64Array.from(addresses, BigInt);
      const command = UC_CTL_UC_EXITS | (2 << ARGUMENTS_SHIFT) | CONTROL_WRITE;
      check(control(uc, command, 'void*', list, 'size_t', list.length), 'uc_ctl set exits');
    },
    errorText,
  };
}

/** What a function stores through its out parameter. */
function takePointer(call: (out: [Pointer | null]) => void): Pointer {
  const out: [Pointer | null] = [null];
  call(out);
  assert(out[0] !== null, 'the library gives a pointer');
  return out[0];
}

/** 0x02000101 -> 2.0.1 */
function formatVersion(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}`;
}
