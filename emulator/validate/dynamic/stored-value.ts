import type { AccessLog } from '../../engine/access-log.ts';

const BYTE = 256;
const WORD_BYTES = 8;

/** The bytes that record `index` of a log stored, as an unsigned number; exact below 2^53. */
export function storedValue(log: AccessLog, index: number): number {
  const value = log.valueNumber(index);
  const sizeBytes = log.sizeBytes(index);
  return sizeBytes < WORD_BYTES ? value % BYTE ** sizeBytes : value;
}
