import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { AccessLog, type LogRecord, RECORD_BYTES, writeRecord } from '../access-log.ts';
import type { Engine, EngineCpu } from '../engine.ts';
import { ScriptedCpu } from './cpu.ts';
import type { Script } from './script.ts';

const LOG_RECORDS = 65_536;

export interface ScriptedOptions {
  readonly script: Script;
  readonly ramBytes: number;
  /** Log loads too. */
  readonly logReads: boolean;
  /** Called when the log is full; must clear it. */
  readonly onLogFull: () => void;
  /** Called when code of a page of RAM is first executed: `codeChanged` is due if it is written. */
  readonly onCodePage: (ramOffset: number) => void;
}

/** What all CPUs of one engine use together. */
export interface ScriptedShared {
  readonly id: string;
  readonly script: Script;
  readonly ramBytes: Uint8Array;
  readonly logReads: boolean;
  append(record: LogRecord): void;
  /** Code at a byte offset in RAM is executed. */
  noteCode(ramOffset: number): void;
  markBoundary(ramOffset: number): void;
  isBoundary(ramOffset: number): boolean;
}

/**
 * An engine without a CPU: what its instructions do is told by a script. It serves tests of what stands
 * above engines, and shows that the Engine interface can be met by something other than Unicorn.
 */
export function openScripted(options: ScriptedOptions): Engine {
  return new ScriptedEngine(options);
}

class ScriptedEngine implements Engine, ScriptedShared {
  readonly id = 'scripted 1';
  readonly ram: ArrayBuffer;
  readonly ramBytes: Uint8Array;
  readonly log: AccessLog;
  readonly script: Script;
  readonly logReads: boolean;
  readonly #options: ScriptedOptions;
  readonly #records = new ArrayBuffer(LOG_RECORDS * RECORD_BYTES);
  readonly #codeFrames = new Set<number>();
  #boundaries = new Set<number>();

  constructor(options: ScriptedOptions) {
    this.#options = options;
    this.script = options.script;
    this.logReads = options.logReads;
    this.ram = new ArrayBuffer(options.ramBytes);
    this.ramBytes = new Uint8Array(this.ram);
    this.log = new AccessLog(this.#records, new Uint32Array(2), 0n);
  }

  createCpu(): EngineCpu {
    return new ScriptedCpu(this);
  }

  codeChanged(ramOffset: number): void {
    const frame = Math.floor(ramOffset / PAGE_SIZE);
    this.#codeFrames.delete(frame);
    this.#boundaries = new Set(
      [...this.#boundaries].filter((offset) => Math.floor(offset / PAGE_SIZE) !== frame),
    );
  }

  close(): void {
    this.log.clear();
  }

  append(record: LogRecord): void {
    if (this.log.length === LOG_RECORDS) this.#options.onLogFull();
    writeRecord(this.#records, this.log.length, record);
    this.log.truncate(this.log.length + 1);
  }

  noteCode(ramOffset: number): void {
    const frame = Math.floor(ramOffset / PAGE_SIZE);
    if (this.#codeFrames.has(frame)) return;
    this.#codeFrames.add(frame);
    this.#options.onCodePage(frame * PAGE_SIZE);
  }

  markBoundary(ramOffset: number): void {
    this.#boundaries.add(ramOffset);
  }

  isBoundary(ramOffset: number): boolean {
    return this.#boundaries.has(ramOffset);
  }
}
