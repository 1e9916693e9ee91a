/**
 * Bytes of one record: u64 address, u64 value, i32 stamp (the instructions that the run had left,
 * which tells executions of one instruction apart), u8 kind, u24 size, u64 instruction.
 */
export const RECORD_BYTES = 32;
const RECORD_WORDS = RECORD_BYTES / 4;
const RECORD_SHIFT = Math.log2(RECORD_BYTES);
const HIGH = 4_294_967_296;

const KIND_MASK = 0xff;
const SIZE_SHIFT = 8;

/** Record kinds as hooks write them (uc_mem_type; a boundary is our own). */
export const RECORD_BOUNDARY = 0;
export const RECORD_READ = 16;
export const RECORD_WRITE = 17;

/** One record, as JavaScript appends it; see RECORD_BYTES for the stamp. */
export interface LogRecord {
  readonly kind: number;
  readonly address: number;
  readonly sizeBytes: number;
  readonly value: bigint;
  readonly stamp: number;
  readonly instruction: number;
}

/** Writes a record where record `index` of the memory behind a log is. */
export function writeRecord(records: ArrayBuffer, index: number, record: LogRecord): void {
  const at = index * RECORD_BYTES;
  const longs = new BigUint64Array(records, at, RECORD_BYTES / 8);
  const words = new Int32Array(records, at, RECORD_WORDS);
  longs[0] = BigInt(record.address);
  longs[1] = BigInt.asUintN(64, record.value);
  words[4] = record.stamp;
  words[5] = record.kind | (record.sizeBytes << SIZE_SHIFT);
  longs[3] = BigInt(record.instruction);
}

/**
 * The record of stores, of loads if they are logged, and of executions of marked instructions, in
 * program order. Native hooks append to it; nothing is allocated per record. For a boundary record,
 * `address` is the instruction about to execute and `value` the one that retired before it.
 */
export class AccessLog {
  readonly #words: Uint32Array;
  readonly #values: BigUint64Array;
  readonly #cursor: Uint32Array;
  readonly #baseLow: number;
  readonly #baseHigh: number;

  /**
   * `records` is the ring. `cursor` holds the address at which the next record goes, as a u64, and
   * `base` is that of the first.
   */
  constructor(records: ArrayBuffer, cursor: Uint32Array, base: bigint) {
    this.#words = new Uint32Array(records);
    this.#values = new BigUint64Array(records);
    this.#cursor = cursor;
    this.#baseLow = Number(BigInt.asUintN(32, base));
    this.#baseHigh = Number(base >> 32n);
    this.truncate(0);
  }

  get length(): number {
    return ((this.#cursor[0] ?? 0) - this.#baseLow) >>> RECORD_SHIFT;
  }

  clear(): void {
    this.#cursor[0] = this.#baseLow;
    this.#cursor[1] = this.#baseHigh;
  }

  /** Sets the number of records: forgets the later ones, or takes in those written behind them. */
  truncate(length: number): void {
    const low = this.#baseLow + length * RECORD_BYTES;
    this.#cursor[0] = low % HIGH;
    this.#cursor[1] = this.#baseHigh + Math.floor(low / HIGH);
  }

  kind(index: number): number {
    return (this.#words[index * RECORD_WORDS + 5] ?? 0) & KIND_MASK;
  }

  /** Low 47 bits are exact; a wild address above them is rounded. */
  address(index: number): number {
    const at = index * RECORD_WORDS;
    return (this.#words[at] ?? 0) + (this.#words[at + 1] ?? 0) * HIGH;
  }

  sizeBytes(index: number): number {
    return (this.#words[index * RECORD_WORDS + 5] ?? 0) >>> SIZE_SHIFT;
  }

  /** The value stored, little-endian in the low bytes; of a boundary, the previous instruction. */
  value(index: number): bigint {
    return this.#values[index * 4 + 1] ?? 0n;
  }

  /** The value as a double: exact below 2^53. */
  valueNumber(index: number): number {
    const at = index * RECORD_WORDS;
    return (this.#words[at + 2] ?? 0) + (this.#words[at + 3] ?? 0) * HIGH;
  }

  instruction(index: number): number {
    const at = index * RECORD_WORDS;
    return (this.#words[at + 6] ?? 0) + (this.#words[at + 7] ?? 0) * HIGH;
  }

  /** The low 32 bits of the instruction's address. */
  instructionLow(index: number): number {
    return this.#words[index * RECORD_WORDS + 6] ?? 0;
  }

  /** Instructions that the run had left when it began this one. */
  stamp(index: number): number {
    return (this.#words[index * RECORD_WORDS + 4] ?? 0) | 0;
  }
}
