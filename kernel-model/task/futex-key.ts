import type { AddressSpace } from '../mm/address-space.ts';
import type { FutexKey } from './task.ts';

/**
 * The key of a futex that is not private: that of the shared memory it lies in, which other address
 * spaces may have too, else that of its own address space.
 */
export function sharedKey(space: AddressSpace, index: number, address: number): FutexKey {
  const object = space.mappingAt(address)?.object;
  return object === undefined
    ? { space: index, object: 0, address, shared: true }
    : { space: NO_SPACE, object, address, shared: true };
}

const NO_SPACE = -1;
