import { PAGE_SIZE, pageStart } from '../../../kernel-model/hardware/address.ts';
import { RECORD_READ, RECORD_WRITE } from '../access-log.ts';
import type { ControlBlock } from './control-block.ts';
import type { LogRing } from './log-ring.ts';
import type { Mapper } from './mapper.ts';

const HALF_BYTES = 8;

/** What the slow way needs to know of the CPU that makes an access. */
export interface AccessingCpu {
  readonly control: ControlBlock;
  readonly mapper: Mapper;
  /** Whether the run ends before an instruction of this class byte. */
  stopsBefore(classByte: number, address: number): boolean;
}

/**
 * Whether an access is one that hooks leave to SlowAccess: it crosses its page, or may be the first half
 * of one of 16 bytes that does.
 */
export function needsSlowWay(address: number, sizeBytes: number): boolean {
  const end = (address % PAGE_SIZE) + sizeBytes;
  return end > PAGE_SIZE || (sizeBytes === HALF_BYTES && end + HALF_BYTES > PAGE_SIZE);
}

/** Bytes that a store may have replaced, kept until the next such store. */
interface Overwritten {
  readonly instruction: number;
  readonly stamp: number;
  readonly ramOffset: number;
  readonly bytes: Uint8Array;
}

/** The last access across pages. */
interface Crossing {
  readonly instruction: number;
  readonly stamp: number;
  readonly kind: number;
  readonly secondPage: number;
}

/** The two aligned loads that Unicorn, before 2.1.4, makes of a load across pages and reports. */
interface ExpectedHalves {
  readonly instruction: number;
  readonly stamp: number;
  readonly sizeBytes: number;
  readonly addresses: readonly number[];
}

/**
 * What the native memory hook leaves to JavaScript: accesses across pages, which may fault halfway, and
 * those that find the log full. Knows how to take back what an instruction did before it faulted.
 */
export class SlowAccess {
  readonly #ring: LogRing;
  readonly #ram: Uint8Array;
  #overwritten: Overwritten[] = [];
  #halves: ExpectedHalves | undefined;
  #crossing: Crossing | undefined;
  /** Length of the log when the run began. */
  #runStart = 0;

  constructor(ring: LogRing, ram: Uint8Array) {
    this.#ring = ring;
    this.#ram = ram;
  }

  /** A run begins: what is known of instructions executed before it no longer counts. */
  begin(): void {
    this.#runStart = this.#ring.log.length;
    this.#crossing = undefined;
    if (this.#overwritten.length > 0) this.#overwritten = [];
  }

  /** The log is full, or the hooks were diverted. */
  drain(): void {
    this.#ring.drain();
    this.#halves = undefined;
    this.#runStart = 0;
  }

  /** A load or store that the native hook did not log. */
  access(cpu: AccessingCpu, kind: number, address: number, sizeBytes: number, value: bigint): void {
    if (this.#ring.makeRoom()) this.#runStart = 0;
    if (kind === RECORD_READ && this.#isHalf(cpu, address, sizeBytes)) return;
    const second = pageStart(address) + PAGE_SIZE;
    const firstBytes = Math.min(sizeBytes, second - address);
    if (kind === RECORD_WRITE) cpu.control.checkWatch(address, sizeBytes, value);
    this.#part(cpu, kind, address, firstBytes, value);
    if (firstBytes === sizeBytes) return;
    const { lastIp: instruction, remaining: stamp } = cpu.control;
    this.#crossing = { instruction, stamp, kind, secondPage: second };
    const rest = BigInt.asUintN(64, value) >> BigInt(firstBytes * 8);
    this.#part(cpu, kind, second, sizeBytes - firstBytes, rest);
    if (kind === RECORD_READ) this.#expectHalves(cpu, second, sizeBytes);
  }

  #part(cpu: AccessingCpu, kind: number, address: number, sizeBytes: number, value: bigint): void {
    const { lastIp: instruction, remaining: stamp } = cpu.control;
    const ramOffset = cpu.mapper.offsetOf(address);
    if (kind === RECORD_WRITE && ramOffset >= 0) {
      const last = this.#overwritten.at(-1);
      if (last?.stamp !== stamp || last.instruction !== instruction) this.#overwritten = [];
      const bytes = this.#ram.slice(ramOffset, ramOffset + sizeBytes);
      this.#overwritten.push({ instruction, stamp, ramOffset, bytes });
    }
    this.#ring.append({ kind, address, sizeBytes, value, stamp, instruction });
  }

  /** Has the next accesses come here, so that the halves of this load are not logged again. */
  #expectHalves(cpu: AccessingCpu, second: number, sizeBytes: number): void {
    this.#halves = {
      instruction: cpu.control.lastIp,
      stamp: cpu.control.remaining,
      sizeBytes,
      addresses: [second - sizeBytes, second],
    };
    this.#ring.divert(true);
  }

  #isHalf(cpu: AccessingCpu, address: number, sizeBytes: number): boolean {
    const halves = this.#halves;
    if (halves === undefined) return false;
    this.#halves = undefined;
    this.#ring.divert(false);
    const [next, ...rest] = halves.addresses;
    const isHalf =
      next === address &&
      halves.sizeBytes === sizeBytes &&
      halves.stamp === cpu.control.remaining &&
      halves.instruction === cpu.control.lastIp;
    if (isHalf && rest.length > 0) {
      this.#halves = { ...halves, addresses: rest };
      this.#ring.divert(true);
    }
    return isHalf;
  }

  /** Logs that a marked instruction executes after `previous`. */
  logBoundary(instruction: number, previous: number, stamp: number): void {
    if (this.#ring.makeRoom()) this.#runStart = 0;
    this.#ring.appendBoundary(instruction, previous, stamp);
  }

  /** The address of a fault as hardware reports it: the first byte that is not accessible. */
  faultAddress(cpu: AccessingCpu, kind: number, address: number | bigint): number | bigint {
    const crossing = this.#crossing;
    const isOfCrossing =
      typeof address === 'number' &&
      crossing?.secondPage === pageStart(address) &&
      crossing.kind === kind &&
      crossing.stamp === cpu.control.remaining &&
      crossing.instruction === cpu.control.lastIp;
    return isOfCrossing ? crossing.secondPage : address;
  }

  /**
   * Takes back what the running execution of `instruction` logged, and stored where it crossed pages:
   * it faulted. Its records have one of `stamps`.
   */
  undo(instruction: number, stamps: readonly number[]): void {
    const { log } = this.#ring;
    const isOfExecution = (at: number, stamp: number): boolean =>
      at === instruction && stamps.includes(stamp);
    for (const { instruction: at, stamp, ramOffset, bytes } of this.#overwritten.reverse()) {
      if (isOfExecution(at, stamp)) this.#ram.set(bytes, ramOffset);
    }
    this.#overwritten = [];
    let length = log.length;
    while (length > this.#runStart) {
      if (!isOfExecution(log.instruction(length - 1), this.#ring.stamp(length - 1))) break;
      length--;
    }
    this.#ring.truncate(length);
  }
}
