import koffi from 'koffi';
import { assert } from '../../../kernel-model/assert.ts';

/** A pointer of the host, as koffi takes and gives it. */
export type Pointer = bigint;

/** What we use of libunicorn, one typed function a C function. Constants are Unicorn's own. */
export interface UnicornLibrary {
  readonly version: string;
  open(): Pointer;
  close(uc: Pointer): void;
  start(uc: Pointer, begin: number, until: number, timeout: number, count: number): number;
  readonly stopFunction: Pointer;
  stop(uc: Pointer): void;
  mapPointer(uc: Pointer, address: number, length: number, protection: number, at: Pointer): void;
  mapPadding(uc: Pointer, address: bigint, length: number): void;
  unmap(uc: Pointer, address: number, length: number): void;
  protect(uc: Pointer, address: number, length: number, protection: number): void;
  addHook(uc: Pointer, type: number, callback: Pointer, userData: Pointer): void;
  readRegister(uc: Pointer, register: number, value: Pointer): void;
  writeRegister(uc: Pointer, register: number, value: Pointer): void;
  allocateContext(uc: Pointer): Pointer;
  contextSizeBytes(uc: Pointer): number;
  saveContext(uc: Pointer, context: Pointer): void;
  restoreContext(uc: Pointer, context: Pointer): void;
  flushTranslations(uc: Pointer): void;
  errorText(error: number): string;
}

const UC_ARCH_X86 = 4;
const UC_MODE_64 = 8;
const UC_CTL_UC_USE_EXITS = 4;
const UC_CTL_TB_FLUSH = 10;
const CONTROL_WRITE = 1 << 30;
const ARGUMENTS_SHIFT = 26;

/** Binds libunicorn. `path` is what locateUnicorn gave. */
export function bindUnicorn(path: string): UnicornLibrary {
  const library = koffi.load(path);
  const versionOf = library.func('unsigned int uc_version(void*, void*)');
  const open = library.func('int uc_open(int, int, _Out_ void**)');
  const close = library.func('int uc_close(void*)');
  const start = library.func('int uc_emu_start(void*, uint64_t, uint64_t, uint64_t, size_t)');
  const stop = library.func('int uc_emu_stop(void*)');
  const mapPointer = library.func('int uc_mem_map_ptr(void*, uint64_t, size_t, uint32_t, void*)');
  const map = library.func('int uc_mem_map(void*, uint64_t, size_t, uint32_t)');
  const unmap = library.func('int uc_mem_unmap(void*, uint64_t, size_t)');
  const protect = library.func('int uc_mem_protect(void*, uint64_t, size_t, uint32_t)');
  const hookAdd = library.func(
    'int uc_hook_add(void*, _Out_ size_t*, int, void*, void*, uint64_t, uint64_t)',
  );
  const control = library.func('int uc_ctl(void*, int, ...)');
  const regRead = library.func('int uc_reg_read(void*, int, void*)');
  const regWrite = library.func('int uc_reg_write(void*, int, void*)');
  const contextAlloc = library.func('int uc_context_alloc(void*, _Out_ void**)');
  const contextSize = library.func('size_t uc_context_size(void*)');
  const contextSave = library.func('int uc_context_save(void*, void*)');
  const contextRestore = library.func('int uc_context_restore(void*, void*)');
  const errorText = library.func('const char* uc_strerror(int)');
  const check = (error: number, what: string): void => {
    if (error !== 0) assert(false, `${what}: ${errorText(error)}`);
  };
  return {
    version: formatVersion(versionOf(null, null)),
    open: () => {
      const out: [Pointer | null] = [null];
      check(open(UC_ARCH_X86, UC_MODE_64, out), 'uc_open');
      const uc = out[0];
      assert(uc !== null, 'uc_open gives a handle');
      const useExits = UC_CTL_UC_USE_EXITS | (1 << ARGUMENTS_SHIFT) | CONTROL_WRITE;
      check(control(uc, useExits, 'int', 1), 'uc_ctl exits');
      return uc;
    },
    close: (uc) => check(close(uc), 'uc_close'),
    start,
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
    writeRegister: regWrite,
    allocateContext: (uc) => {
      const out: [Pointer | null] = [null];
      check(contextAlloc(uc, out), 'uc_context_alloc');
      assert(out[0] !== null, 'uc_context_alloc gives a context');
      return out[0];
    },
    contextSizeBytes: (uc) => Number(contextSize(uc)),
    saveContext: contextSave,
    restoreContext: contextRestore,
    flushTranslations: (uc) => check(control(uc, UC_CTL_TB_FLUSH | CONTROL_WRITE), 'uc_ctl flush'),
    errorText,
  };
}

/** 0x02000101 -> 2.0.1 */
function formatVersion(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}`;
}
