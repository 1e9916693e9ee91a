import xxhash from 'xxhash-wasm';

/** XXH64 in WebAssembly. */
export const hasher = await xxhash();
