import type { KernelState } from '../kernel-state.ts';

const WORD_BYTES = 8;
const GAMMA = 0x9e37_79b9_7f4a_7c15n;

/**
 * Random bytes of the guest (getrandom, AT_RANDOM), a function of the seed and of how many words
 * were drawn before: splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014), little-endian.
 */
export function randomBytes(state: KernelState, lengthBytes: number): Uint8Array {
  const words = Math.ceil(lengthBytes / WORD_BYTES);
  const bytes = new Uint8Array(words * WORD_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < words; i++) view.setBigUint64(i * WORD_BYTES, drawWord(state), true);
  return bytes.subarray(0, lengthBytes);
}

function drawWord(state: KernelState): bigint {
  state.randomWordsDrawn++;
  let z = BigInt.asUintN(64, BigInt(state.seed) + BigInt(state.randomWordsDrawn) * GAMMA);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn);
  return z ^ (z >> 31n);
}
