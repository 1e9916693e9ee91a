import koffi from 'koffi';
import { assert } from '../../../kernel-model/assert.ts';
import type { Pointer } from './ffi.ts';

const PROT_READ_WRITE = 3;
const PROT_READ_EXEC = 5;
const MAP_PRIVATE_ANONYMOUS = process.platform === 'darwin' ? 0x1002 : 0x22;
const MAP_NORESERVE = process.platform === 'darwin' ? 0x40 : 0x4000;

/** A piece of host memory that native code and TypeScript share; never unmapped. */
export interface HostMemory {
  readonly pointer: Pointer;
  readonly buffer: ArrayBuffer;
}

const libc = koffi.load(null);
const mmap = libc.func('void* mmap(void*, size_t, int, int, int, int64_t)');
const mprotect = libc.func('int mprotect(void*, size_t, int)');

/**
 * Reserves zeroed, page-aligned host memory; untouched pages cost nothing. It is not given back:
 * unmapping under a live view would leave the view dangling.
 */
export function reserveHostMemory(lengthBytes: number): HostMemory {
  const flags = MAP_PRIVATE_ANONYMOUS | MAP_NORESERVE;
  const pointer: unknown = mmap(null, lengthBytes, PROT_READ_WRITE, flags, -1, 0);
  assert(typeof pointer === 'bigint' && pointer < 2n ** 63n, `mmap of ${lengthBytes} bytes`);
  return { pointer, buffer: koffi.view(pointer, lengthBytes) };
}

/** Makes host machine code executable and no longer writable: whole pages. */
export function makeExecutable(pointer: Pointer, lengthBytes: number): void {
  const error: number = mprotect(pointer, lengthBytes, PROT_READ_EXEC);
  assert(error === 0, 'mprotect of host code');
}
