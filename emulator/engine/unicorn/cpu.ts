import { assert } from '../../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import type { RegisterName } from '../../../kernel-model/hardware/registers.ts';
import type { EngineMapping } from '../../../kernel-model/mm/address-space.ts';
import { PROT_EXEC } from '../../../kernel-model/mm/mapping.ts';
import { INSTRUCTION_CLASS } from '../decode/classify.ts';
import { effectiveAddress } from '../decode/instruction.ts';
import {
  BUDGET_INSTRUCTIONS_MAX,
  type CpuContext,
  type CpuException,
  type EngineCpu,
  type Exit,
} from '../engine.ts';
import { BOUNDARY } from './code-maps.ts';
import { STOP_ARMED, STOP_BUDGET, STOP_LOG_FULL, STOP_SPECIAL } from './control.ts';
import { ControlBlock } from './control-block.ts';
import type { EngineShared, FaultRecord } from './engine.ts';
import type { Pointer } from './ffi.ts';
import { installHooks } from './hooks.ts';
import { Mapper } from './mapper.ts';
import { RegisterAccess } from './registers.ts';

const BUDGET: Exit = { kind: 'budget' };
const SYSCALL: Exit = { kind: 'syscall' };
const ARMED: Exit = { kind: 'armed' };

const EXCEPTIONS: ReadonlyMap<number, CpuException> = new Map([
  [0, 'divide-error'],
  [3, 'breakpoint'],
  [6, 'invalid-opcode'],
  [13, 'general-protection'],
]);

/** A CPU context of this engine: the bytes of Unicorn's own, and what the hooks remember. */
interface UnicornContext extends CpuContext {
  readonly bytes: Uint8Array;
  readonly instructionPointer: number;
  readonly lastIp: number;
  readonly previousIp: number;
}

/** One Unicorn instance, used as one hardware thread for as long as the process lives. */
export class UnicornCpu implements EngineCpu {
  instructionPointer = 0;
  retired = 0;
  readonly #shared: EngineShared;
  readonly #uc: Pointer;
  readonly #control: ControlBlock;
  readonly #mapper: Mapper;
  readonly #registers: RegisterAccess;
  readonly #pristine: Uint8Array;
  #changesSeen = 0;

  constructor(shared: EngineShared) {
    this.#shared = shared;
    const { library } = shared;
    this.#uc = library.open();
    this.#control = new ControlBlock({
      log: shared.logControl,
      stopFunction: library.stopFunction,
      slowMemoryHook: shared.slowMemoryHook,
    });
    installHooks(library, this.#uc, this.#control.pointer, shared);
    this.#mapper = new Mapper(library, this.#uc, shared.ramPointer, shared.codeMaps);
    this.#registers = new RegisterAccess(library, this.#uc);
    this.#registers.write('rflags', 0x202n);
    this.#pristine = this.#registers.saveContext();
  }

  get lastInstructionPointer(): number {
    return this.#control.lastIp;
  }

  setMappings(mappings: readonly EngineMapping[]): void {
    if (this.#mapper.set(mappings)) this.#forgetCode();
  }

  #forgetCode(): void {
    this.#shared.library.flushTranslations(this.#uc);
    this.#control.forgetClassMaps();
  }

  run(budgetInstructions: number): Exit {
    assert(
      budgetInstructions > 0 && budgetInstructions <= BUDGET_INSTRUCTIONS_MAX,
      `budget of ${budgetInstructions}`,
    );
    const { changedFrames } = this.#shared.codeMaps;
    if (this.#changesSeen !== changedFrames.length) {
      this.#changesSeen = changedFrames.length;
      this.#forgetCode();
    }
    this.#mapper.followCode();
    this.#shared.current = this;
    this.retired = 0;
    let left = budgetInstructions;
    for (;;) {
      const exit = this.#runOnce(left);
      if (exit !== undefined) return exit;
      left = budgetInstructions - this.retired;
      if (left === 0) return BUDGET;
    }
  }

  /** Runs until the hooks stop it; `undefined` to go on with what is left of the budget. */
  #runOnce(budget: number): Exit | undefined {
    const control = this.#control;
    control.remaining = budget;
    control.stopReason = 0;
    this.#shared.fault = undefined;
    const error = this.#shared.library.start(this.#uc, this.instructionPointer, 0, 0, 0);
    switch (control.stopReason) {
      case STOP_BUDGET:
        this.instructionPointer = control.stopIp;
        this.retired += budget;
        return BUDGET;
      case STOP_SPECIAL:
        if (error !== 0) break;
        this.instructionPointer = control.stopIp;
        this.retired += budget - control.remaining - 1;
        return this.#special(budget - (budget - control.remaining - 1));
      case STOP_LOG_FULL:
        this.instructionPointer = control.stopIp;
        this.retired += budget - control.remaining - 1;
        this.#shared.drainLog();
        return undefined;
      case STOP_ARMED:
        if (error !== 0) break;
        this.instructionPointer = control.stopIp;
        this.retired += budget - control.savedRemaining;
        return ARMED;
      default:
        break;
    }
    return this.#failed(error, budget);
  }

  /** Unicorn gave up: a memory fault, a CPU exception, or an instruction it cannot translate. */
  #failed(error: number, budget: number): Exit | undefined {
    const control = this.#control;
    const remaining =
      control.stopReason === STOP_ARMED ? control.savedRemaining : control.remaining;
    const started = budget - remaining;
    const fault = this.#shared.fault;
    if (fault?.access === 'fetch') {
      this.retired += started;
      this.instructionPointer = this.#registers.readInstructionPointer();
      return { kind: 'fault', access: 'fetch', address: fault.address };
    }
    this.retired += started - 1;
    this.instructionPointer = control.lastIp;
    control.lastIp = control.previousIp;
    if (fault !== undefined) return this.#memoryFault(fault);
    const vector = this.#shared.takeException();
    if (vector !== undefined) {
      this.#clearPendingException();
      const exception = EXCEPTIONS.get(vector);
      if (exception !== undefined) return { kind: 'exception', exception };
      return { kind: 'unsupported', detail: `CPU exception ${vector}` };
    }
    return { kind: 'unsupported', detail: this.#shared.library.errorText(error) };
  }

  #memoryFault(fault: FaultRecord): Exit | undefined {
    this.#shared.undoPartialStores(this.instructionPointer);
    if (fault.access === 'write' && this.#isStoreToCode(fault.address)) {
      return this.#storeToCode(Number(fault.address));
    }
    return { kind: 'fault', access: fault.access, address: fault.address };
  }

  /** The address space allows the store; we forbade it because code was decoded from the page. */
  #isStoreToCode(address: number | bigint): boolean {
    const mapping = this.#mapper.find(Number(address));
    return mapping !== undefined && (mapping.protection & 2) !== 0;
  }

  #storeToCode(address: number): Exit | undefined {
    if (Math.floor(address / PAGE_SIZE) === Math.floor(this.instructionPointer / PAGE_SIZE)) {
      return { kind: 'unsupported', detail: 'store into the page of code that executes it' };
    }
    this.#shared.codeMaps.invalidate(Math.floor(this.#ramOffset(address) / PAGE_SIZE));
    this.#changesSeen = this.#shared.codeMaps.changedFrames.length;
    this.#forgetCode();
    this.#mapper.followCode();
    return undefined;
  }

  /** An exception leaves state in the CPU that turns the next one into a double fault. */
  #clearPendingException(): void {
    const file = this.#registers.readFile(new BigUint64Array(this.#registers.fileWords));
    this.#registers.restoreContext(this.#pristine);
    this.#registers.writeFile(file);
  }

  /** The next instruction is not plain: decode its block, or do what its class asks for. */
  #special(budget: number): Exit | undefined {
    const ip = this.instructionPointer;
    const offset = this.#ramOffset(ip);
    const byte = this.#shared.codeMaps.classAt(offset);
    const kind = byte & ~BOUNDARY;
    if (kind === INSTRUCTION_CLASS.unknown) {
      this.#decode(ip, offset);
      return undefined;
    }
    this.#control.setClassMap(
      Math.floor(ip / PAGE_SIZE),
      this.#shared.codeMaps.pointerOf(Math.floor(offset / PAGE_SIZE)),
    );
    if (kind === INSTRUCTION_CLASS.plain) return undefined;
    const special = this.#shared.codeMaps.specialAt(offset);
    const isLoggedHere = special.kind !== 'aligned' && byte !== kind;
    if (isLoggedHere) this.#shared.logBoundary(ip, this.#control.lastIp);
    switch (special.kind) {
      case 'syscall':
        return SYSCALL;
      case 'model':
        return { kind: 'instruction', instruction: special.instruction };
      case 'repeat':
        return this.#repeat(budget, special.isConditional);
      case 'aligned': {
        const address = effectiveAddress(special.operand, (name) => this.read(name));
        if (address % 16n !== 0n) return { kind: 'exception', exception: 'general-protection' };
        return this.#runPassing(budget);
      }
      case 'privileged':
        return { kind: 'exception', exception: 'general-protection' };
      case 'invalid':
        return { kind: 'exception', exception: 'invalid-opcode' };
      case 'breakpoint':
        return { kind: 'exception', exception: 'breakpoint' };
      case 'unsupported':
        return { kind: 'unsupported', detail: special.text };
    }
  }

  #runPassing(budget: number): Exit | undefined {
    this.#control.passOnce(this.instructionPointer);
    return this.#runOnce(budget);
  }

  #decode(ip: number, offset: number): void {
    const { codeMaps } = this.#shared;
    codeMaps.decodeBlock(ip, offset, (address, length) => this.#readCode(address, length));
    const frame = Math.floor(offset / PAGE_SIZE);
    this.#control.setClassMap(Math.floor(ip / PAGE_SIZE), codeMaps.pointerOf(frame));
    this.#mapper.followCode();
  }

  /**
   * Iterations of a REP string instruction, each a retired unit; compares go one at a time because
   * they may end early. Unicorn comes back to the instruction once more when rcx has reached zero,
   * which hardware does not count.
   */
  #repeat(budget: number, isConditional: boolean): Exit | undefined {
    const ip = this.instructionPointer;
    const before = this.#registers.read('rcx');
    const most = isConditional ? 1 : budget;
    const iterations = before < BigInt(most) ? Math.max(1, Number(before)) : most;
    const retiredBefore = this.retired;
    this.#control.repeat = ip;
    let exit = this.#runOnce(iterations);
    const after = this.#registers.read('rcx');
    if (exit?.kind === 'budget' && this.instructionPointer === ip && after === 0n) {
      exit = this.#runOnce(1);
    }
    this.#control.repeat = undefined;
    this.retired = retiredBefore + (before === 0n ? 1 : Number(before - after));
    return exit?.kind === 'budget' ? undefined : exit;
  }

  #readCode(address: number, length: number): Uint8Array {
    const code = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const mapping = this.#mapper.find(address + done);
      if (mapping === undefined || (mapping.protection & PROT_EXEC) === 0) break;
      const offset = mapping.ramOffset + (address + done - mapping.address);
      const available = mapping.address + mapping.length - (address + done);
      const count = Math.min(length - done, available);
      code.set(this.#shared.ramBytes.subarray(offset, offset + count), done);
      done += count;
    }
    return code.subarray(0, done);
  }

  /** Byte offset in RAM of a mapped guest address. */
  #ramOffset(address: number): number {
    const mapping = this.#mapper.find(address);
    assert(mapping !== undefined, `0x${address.toString(16)} is mapped`);
    return mapping.ramOffset + (address - mapping.address);
  }

  /** Byte offset in RAM of a guest address, -1 if it is not mapped here. */
  ramOffsetOf(address: number): number {
    const mapping = this.#mapper.find(address);
    return mapping === undefined ? -1 : mapping.ramOffset + (address - mapping.address);
  }

  /** The instruction that is executing, for hooks called from within it. */
  get runningInstruction(): number {
    return this.#control.lastIp;
  }

  /** The watch of the native memory hook, for the stores that take the slow way. */
  noteSlowStore(address: number, sizeBytes: number, value: bigint): void {
    this.#control.checkWatch(address, sizeBytes, value);
  }

  read(register: RegisterName): bigint {
    return this.#registers.read(register);
  }

  write(register: RegisterName, value: bigint): void {
    this.#registers.write(register, value);
  }

  readRegisterFile(file: BigUint64Array): void {
    this.#registers.readFile(file);
    file[16] = BigInt(this.instructionPointer);
  }

  writeRegisterFile(file: BigUint64Array): void {
    this.#registers.writeFile(file);
    this.instructionPointer = Number(file[16] ?? 0n);
  }

  saveContext(): CpuContext {
    const context: UnicornContext = {
      engine: this.#shared.id,
      bytes: this.#registers.saveContext(),
      instructionPointer: this.instructionPointer,
      lastIp: this.#control.lastIp,
      previousIp: this.#control.previousIp,
    };
    return context;
  }

  restoreContext(context: CpuContext): void {
    assert(isUnicornContext(context, this.#shared.id), 'a context of this engine');
    this.#registers.restoreContext(context.bytes);
    this.instructionPointer = context.instructionPointer;
    this.#control.lastIp = context.lastIp;
    this.#control.previousIp = context.previousIp;
  }

  watch(address: number): void {
    this.#control.watch = address;
  }

  addKnownArming(value: number): void {
    this.#control.addKnownArming(value);
  }

  forgetKnownArmings(): void {
    this.#control.forgetKnownArmings();
  }

  setDescriptorRange(start: number, lengthBytes: number): void {
    this.#control.setDescriptorRange(start, lengthBytes);
  }

  markBoundary(address: number): void {
    const offset = this.ramOffsetOf(address);
    if (offset < 0) return;
    if ((this.#shared.codeMaps.classAt(offset) & ~BOUNDARY) === INSTRUCTION_CLASS.unknown) {
      this.#decode(address, offset);
    }
    this.#shared.codeMaps.markBoundary(offset);
  }

  close(): void {
    this.#shared.library.close(this.#uc);
  }
}

function isUnicornContext(context: CpuContext, engine: string): context is UnicornContext {
  return context.engine === engine && 'bytes' in context;
}
