import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import {
  AccessLog,
  type LogRecord,
  RECORD_BOUNDARY,
  RECORD_BYTES,
  writeRecord,
} from '../access-log.ts';
import type { Pointer } from './ffi.ts';
import { type HostMemory, reserveHostMemory } from './host-memory.ts';

const LOG_RECORDS = 65_536;
const RECORD_WORDS = RECORD_BYTES / 4;
/** One access makes two records at most. */
const SPARE_RECORDS = 2;

/**
 * The memory behind an access log, to which native hooks append: the records, and a control page
 * with {u64 cursor, u64 limit}. At the limit the hooks hand each access over to JavaScript.
 */
export class LogRing {
  readonly control: Pointer;
  readonly log: AccessLog;
  readonly #records: HostMemory = reserveHostMemory(LOG_RECORDS * RECORD_BYTES);
  readonly #words = new Int32Array(this.#records.buffer);
  readonly #cursor: BigUint64Array;
  readonly #onFull: () => void;

  /** `onFull` must clear the log. */
  constructor(onFull: () => void) {
    this.#onFull = onFull;
    const control = reserveHostMemory(PAGE_SIZE);
    this.control = control.pointer;
    this.#cursor = new BigUint64Array(control.buffer);
    this.divert(false);
    const cursor = new Uint32Array(control.buffer, 0, 2);
    this.log = new AccessLog(this.#records.buffer, cursor, this.#records.pointer);
  }

  /** Makes native hooks hand over all accesses, or only those that they must. */
  divert(all: boolean): void {
    this.#cursor[1] = all ? 0n : this.#records.pointer + BigInt(LOG_RECORDS * RECORD_BYTES);
  }

  /** Has the log emptied. */
  drain(): void {
    this.#onFull();
    this.divert(false);
  }

  /** Makes room for what one access logs; true if that emptied the log. */
  makeRoom(): boolean {
    if (this.log.length < LOG_RECORDS - SPARE_RECORDS) return false;
    this.drain();
    return true;
  }

  /** Whether native hooks hand over each access. */
  get isFull(): boolean {
    return (this.#cursor[0] ?? 0n) >= (this.#cursor[1] ?? 0n);
  }

  append(record: LogRecord): void {
    const index = this.log.length;
    writeRecord(this.#records.buffer, index, record);
    this.truncate(index + 1);
  }

  /** A marked instruction executes after `previous`. */
  appendBoundary(instruction: number, previous: number, stamp: number): void {
    const kind = RECORD_BOUNDARY;
    const value = BigInt(previous);
    this.append({ kind, address: instruction, sizeBytes: 0, value, stamp, instruction });
  }

  /** Forgets all records but the first `length`. */
  truncate(length: number): void {
    this.log.truncate(length);
  }

  /** The stamp of a record. */
  stamp(index: number): number {
    return this.#words[index * RECORD_WORDS + 4] ?? 0;
  }
}
