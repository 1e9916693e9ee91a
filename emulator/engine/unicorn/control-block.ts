import {
  CLASS_TABLE_BYTES,
  CLASS_TABLE_ENTRIES,
  CONTROL,
  KNOWN_ARMINGS,
  NO_ADDRESS,
  NO_STOP,
  PASS_NONE,
  STOP_ARMED,
  STOP_BUDGET,
} from './control.ts';
import type { Pointer } from './ffi.ts';
import { type HostMemory, reserveHostMemory } from './host-memory.ts';

const HIGH = 4_294_967_296;
const KNOWN_OFFSET = 1024;
const CLASS_TABLE_OFFSET = 4096;
/** Longer stores are made, and reported, in parts. */
const STORE_BYTES_MAX = 8;
const NEVER_A_PAGE = NO_ADDRESS;

/** What the thunks of one CPU jump to and write to. */
export interface HookTargets {
  readonly uc: Pointer;
  readonly startFunction: Pointer;
  readonly log: Pointer;
  readonly stopFunction: Pointer;
  readonly slowMemoryHook: Pointer;
}

/** Typed access to a control block (control.ts) and the two tables it points to. */
export class ControlBlock {
  readonly pointer: Pointer;
  readonly #words: Int32Array;
  readonly #unsigned: Uint32Array;
  readonly #longs: BigUint64Array;

  constructor(targets: HookTargets) {
    const memory: HostMemory = reserveHostMemory(CLASS_TABLE_OFFSET + CLASS_TABLE_BYTES);
    this.pointer = memory.pointer;
    this.#words = new Int32Array(memory.buffer);
    this.#unsigned = new Uint32Array(memory.buffer);
    this.#longs = new BigUint64Array(memory.buffer);
    this.#set(CONTROL.classTable, memory.pointer + BigInt(CLASS_TABLE_OFFSET));
    this.#set(CONTROL.knownArmings, memory.pointer + BigInt(KNOWN_OFFSET));
    this.#set(CONTROL.uc, targets.uc);
    this.#set(CONTROL.startFunction, targets.startFunction);
    this.#set(CONTROL.stopFunction, targets.stopFunction);
    this.#set(CONTROL.log, targets.log);
    this.#set(CONTROL.slowMemoryHook, targets.slowMemoryHook);
    this.#set(CONTROL.passIp, NO_ADDRESS);
    this.#set(CONTROL.repeatIp, NO_ADDRESS);
    this.watch = 0;
    this.setStops(0, 0);
    this.forgetKnownArmings();
    this.forgetClassMaps();
  }

  get remaining(): number {
    return this.#words[CONTROL.remaining / 4] ?? 0;
  }
  set remaining(value: number) {
    this.#words[CONTROL.remaining / 4] = value;
  }

  get savedRemaining(): number {
    return this.#words[CONTROL.savedRemaining / 4] ?? 0;
  }

  /**
   * The bits of class bytes before which the hooks stop a run. With a `budget` its next instruction is
   * passed, whatever it is.
   */
  setStops(mask: number, budget: number | undefined): void {
    const pass = budget === undefined ? PASS_NONE : budget - 1;
    this.#words[CONTROL.stopPass / 4] = mask === 0 ? NO_STOP : pass;
    this.#words[CONTROL.stopMask / 4] = mask;
  }

  /** Memory of a bit for each byte of a page. */
  set stopBitmap(pointer: Pointer) {
    this.#set(CONTROL.stopBitmap, pointer);
  }

  /** Whether a run with so much left may be stopped here. */
  get mayStop(): boolean {
    const pass = this.#words[CONTROL.stopPass / 4] ?? NO_STOP;
    return pass >= 0 && pass !== this.remaining;
  }

  get stopReason(): number {
    return this.#words[CONTROL.stopReason / 4] ?? 0;
  }
  set stopReason(value: number) {
    this.#words[CONTROL.stopReason / 4] = value;
  }

  /** Unicorn's error number from the last run. */
  get error(): number {
    return this.#words[CONTROL.error / 4] ?? 0;
  }

  set startIp(value: number) {
    this.#setAddress(CONTROL.startIp, value);
  }

  get stopIp(): number {
    return this.#address(CONTROL.stopIp);
  }

  get lastIp(): number {
    return this.#address(CONTROL.lastIp);
  }
  set lastIp(value: number) {
    this.#setAddress(CONTROL.lastIp, value);
  }

  get previousIp(): number {
    return this.#address(CONTROL.previousIp);
  }
  set previousIp(value: number) {
    this.#setAddress(CONTROL.previousIp, value);
  }

  /** An instruction starts to execute. */
  start(address: number): void {
    this.previousIp = this.lastIp;
    this.lastIp = address;
  }

  /** The run stops before an instruction; an earlier reason to stop stays. */
  stopBefore(address: number, reason: number): void {
    if (reason !== STOP_BUDGET || this.stopReason === 0) this.stopReason = reason;
    this.#setAddress(CONTROL.stopIp, address);
  }

  /** Whether this special instruction is let through; then it is no longer. */
  takePass(address: number): boolean {
    if (this.#address(CONTROL.passIp) !== address) return false;
    this.#set(CONTROL.passIp, NO_ADDRESS);
    return true;
  }

  /** Whether the REP instruction at this address is let through. */
  isRepeating(address: number): boolean {
    return this.#address(CONTROL.repeatIp) === address;
  }

  /** Lets the special instruction at this address execute once. */
  passOnce(address: number): void {
    this.#setAddress(CONTROL.passIp, address);
  }

  /** Lets the REP instruction at this address execute; `undefined` ends that. */
  set repeat(address: number | undefined) {
    if (address === undefined) this.#set(CONTROL.repeatIp, NO_ADDRESS);
    else this.#setAddress(CONTROL.repeatIp, address);
  }

  set watch(address: number) {
    if (address === 0) this.#set(CONTROL.watch, 1n << 62n);
    else this.#setAddress(CONTROL.watch, address);
  }

  /**
   * Guest range whose stores end a run: the descriptors behind the known arming values. The hooks
   * look where a store begins, so the range takes in stores that begin before it and reach into it.
   */
  setDescriptorRange(start: number, lengthBytes: number): void {
    const before = lengthBytes === 0 ? 0 : Math.min(start, STORE_BYTES_MAX - 1);
    this.#setAddress(CONTROL.descriptorStart, start - before);
    this.#setAddress(CONTROL.descriptorLength, lengthBytes + before);
  }

  /** What memory_thunk does with a store: asks for a stop if it overlaps the watch. */
  checkWatch(address: number, sizeBytes: number, value: bigint): void {
    if (this.stopReason !== 0) return;
    const watch = this.#address(CONTROL.watch);
    const isWatched = address < watch + 8 && address + sizeBytes > watch;
    const isWhole = address === watch && sizeBytes === 8;
    if (isWatched && isWhole && (value === 0n || this.#isKnownArming(value))) return;
    const range = address - this.#address(CONTROL.descriptorStart);
    const isDescriptor = range >= 0 && range < this.#address(CONTROL.descriptorLength);
    if (!isWatched && !isDescriptor) return;
    this.#words[CONTROL.savedRemaining / 4] = this.remaining;
    this.remaining = 0;
    this.stopReason = STOP_ARMED;
  }

  #isKnownArming(value: bigint): boolean {
    const slot = Math.floor(Number(value) / 32) % KNOWN_ARMINGS;
    return this.#longs[KNOWN_OFFSET / 8 + slot] === BigInt.asUintN(64, value);
  }

  addKnownArming(value: number): void {
    this.#longs[KNOWN_OFFSET / 8 + (Math.floor(value / 32) % KNOWN_ARMINGS)] = BigInt(value);
  }

  forgetKnownArmings(): void {
    this.#longs.fill(0n, KNOWN_OFFSET / 8, KNOWN_OFFSET / 8 + KNOWN_ARMINGS);
  }

  setClassMap(page: number, map: Pointer): void {
    const at = CLASS_TABLE_OFFSET / 8 + (page % CLASS_TABLE_ENTRIES) * 2;
    this.#longs[at] = BigInt(page);
    this.#longs[at + 1] = map;
  }

  forgetClassMaps(): void {
    const start = CLASS_TABLE_OFFSET / 8;
    this.#longs.fill(NEVER_A_PAGE, start, start + CLASS_TABLE_ENTRIES * 2);
  }

  #address(offset: number): number {
    return (this.#unsigned[offset / 4] ?? 0) + (this.#unsigned[offset / 4 + 1] ?? 0) * HIGH;
  }

  #setAddress(offset: number, value: number): void {
    // The remainder of a double is a call of fmod; this is one instruction.
    this.#unsigned[offset / 4] = value >>> 0;
    this.#unsigned[offset / 4 + 1] = Math.floor(value / HIGH);
  }

  #set(offset: number, value: bigint): void {
    this.#longs[offset / 8] = value;
  }
}
