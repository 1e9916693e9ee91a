import koffi from 'koffi';
import type { EngineShared } from './engine.ts';
import type { Pointer, UnicornLibrary } from './ffi.ts';

const UC_HOOK_INTR = 1 << 0;
const UC_HOOK_CODE = 1 << 2;
const UC_HOOK_MEM_INVALID = 0x3f << 4;
const UC_HOOK_MEM_READ = 1 << 10;
const UC_HOOK_MEM_WRITE = 1 << 11;

const memoryHook = koffi.proto(
  'void rseq_memory_hook(void* uc, int type, uint64_t address, int size, int64_t value, void* data)',
);
const codeHook = koffi.proto(
  'void rseq_code_hook(void* uc, uint64_t address, uint32_t size, void* data)',
);
const faultHook = koffi.proto(
  'bool rseq_fault_hook(void* uc, int type, uint64_t address, int size, int64_t value, void* data)',
);
const interruptHook = koffi.proto(
  'void rseq_interrupt_hook(void* uc, uint32_t number, void* data)',
);

export type CodeHook = (uc: Pointer, address: number | bigint) => void;
export type MemoryHook = (
  uc: Pointer,
  type: number,
  address: number | bigint,
  sizeBytes: number,
  value: number | bigint,
) => void;
export type FaultHook = (
  uc: Pointer,
  type: number,
  address: number | bigint,
  sizeBytes: number,
) => boolean;
export type InterruptHook = (uc: Pointer, vector: number) => void;

/** Native entry points of our JavaScript hooks; they live as long as the process. */
export function registerCodeHook(hook: CodeHook): Pointer {
  return koffi.register(hook, koffi.pointer(codeHook));
}
export function registerMemoryHook(hook: MemoryHook): Pointer {
  return koffi.register(hook, koffi.pointer(memoryHook));
}
export function registerFaultHook(hook: FaultHook): Pointer {
  return koffi.register(hook, koffi.pointer(faultHook));
}
export function registerInterruptHook(hook: InterruptHook): Pointer {
  return koffi.register(hook, koffi.pointer(interruptHook));
}

/** Installs every hook before the first run: hooks added after translation are not reliable. */
export function installHooks(
  library: UnicornLibrary,
  uc: Pointer,
  control: Pointer,
  shared: EngineShared,
): void {
  library.addHook(uc, UC_HOOK_CODE, shared.hooks.code, control);
  const accesses = UC_HOOK_MEM_WRITE | (shared.logReads ? UC_HOOK_MEM_READ : 0);
  library.addHook(uc, accesses, shared.hooks.memory, control);
  library.addHook(uc, UC_HOOK_MEM_INVALID, shared.faultHook, control);
  library.addHook(uc, UC_HOOK_INTR, shared.interruptHook, control);
}
