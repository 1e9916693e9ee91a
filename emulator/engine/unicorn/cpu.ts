import { assert } from '../../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import type { RegisterName } from '../../../kernel-model/hardware/registers.ts';
import type { EngineMapping } from '../../../kernel-model/mm/address-space.ts';
import { INSTRUCTION_CLASS } from '../decode/classify.ts';
import { endOfFetchable } from '../decode/faulting.ts';
import { effectiveAddress } from '../decode/instruction.ts';
import { type ShiftOfMemory, withCarry } from '../decode/shift.ts';
import { assertBudget, type CpuContext, type EngineCpu, type Exit, NO_STOPS } from '../engine.ts';
import {
  BOUNDARY,
  type CheckedInstruction,
  CLASS_BITS,
  type SpecialInstruction,
} from './code-maps.ts';
import { isUnicornContext, type NativeContext, type UnicornContext } from './context-slabs.ts';
import { STOP_ARMED, STOP_BUDGET, STOP_LOG_FULL, STOP_SPECIAL } from './control.ts';
import { ControlBlock } from './control-block.ts';
import type { EngineShared, FaultRecord } from './engine.ts';
import {
  checkOperand,
  exitOfControlLoad,
  exitOfLoad,
  exitOfVector,
  unfetchable,
} from './fault-exits.ts';
import type { Pointer } from './ffi.ts';
import { GuestCode } from './guest-code.ts';
import { installHooks } from './hooks.ts';
import { Mapper } from './mapper.ts';
import { RegisterAccess } from './registers.ts';
import { runRepeat } from './repeat.ts';
import { StopPoints } from './stop-points.ts';

const BUDGET: Exit = { kind: 'budget' };
const ARMED: Exit = { kind: 'armed' };
const AT_BOUNDARY: Exit = { kind: 'boundary' };

const GENERAL_PROTECTION: Exit = { kind: 'exception', exception: 'general-protection' };

/** One Unicorn instance, used as one hardware thread for as long as the process lives. */
export class UnicornCpu implements EngineCpu {
  instructionPointer = 0;
  retired = 0;
  stops = NO_STOPS;
  readonly control: ControlBlock;
  readonly mapper: Mapper;
  readonly #shared: EngineShared;
  readonly #uc: Pointer;
  /** The same as a number, for the calls that must be fast. */
  readonly handle: number;
  readonly #registers: RegisterAccess;
  readonly #code: GuestCode;
  readonly #stopPoints: StopPoints;
  readonly #pristine: NativeContext;
  /** Where runUpTo has Unicorn stop. */
  #end: bigint | undefined;

  constructor(shared: EngineShared) {
    this.#shared = shared;
    const { library } = shared;
    this.#uc = library.open();
    this.handle = Number(this.#uc);
    this.control = new ControlBlock({
      uc: this.#uc,
      startFunction: library.startFunction,
      log: shared.ring.control,
      stopFunction: library.stopFunction,
      slowMemoryHook: shared.slowMemoryHook,
    });
    installHooks(library, this.#uc, this.control.pointer, shared);
    this.mapper = new Mapper(library, this.#uc, shared.ramPointer, shared.codeMaps);
    this.#code = new GuestCode(shared.codeMaps, this.control, this.mapper, shared.ramBytes);
    this.#stopPoints = new StopPoints(shared, this.control, this.#code, this.mapper);
    this.#registers = new RegisterAccess(library, this.#uc, shared.contextSlabs);
    this.#registers.write('rflags', 0x202n);
    this.#pristine = this.#registers.saveContext();
  }

  get lastInstructionPointer(): number {
    return this.control.lastIp;
  }

  setMappings(mappings: readonly EngineMapping[]): void {
    if (this.mapper.set(mappings)) this.control.forgetClassMaps();
  }

  run(budgetInstructions: number): Exit {
    assertBudget(budgetInstructions);
    this.#code.followChanges();
    this.#shared.current = this;
    this.retired = 0;
    let left = budgetInstructions;
    for (;;) {
      this.#stopPoints.arrange(this.stops);
      const exit = this.runOnce(left);
      if (exit !== undefined) return exit;
      left = budgetInstructions - this.retired;
      if (left === 0) return BUDGET;
    }
  }

  /** Runs until the hooks stop it; `undefined` to go on with what is left of the budget. */
  runOnce(budget: number): Exit | undefined {
    const control = this.control;
    control.remaining = budget;
    control.stopReason = 0;
    this.#stopPoints.begin(this.stops, this.instructionPointer, this.retired === 0, budget);
    this.#shared.fault = undefined;
    this.#shared.slowAccess.begin();
    const error = this.#shared.hooks.start(this, this.instructionPointer);
    switch (control.stopReason) {
      case STOP_BUDGET:
        if (error !== 0) break;
        this.instructionPointer = control.stopIp;
        this.retired += budget;
        return BUDGET;
      case STOP_SPECIAL:
        if (error !== 0) break;
        this.instructionPointer = control.stopIp;
        this.retired += budget - control.remaining - 1;
        return this.#special(control.remaining + 1);
      case STOP_LOG_FULL:
        if (error !== 0) break;
        this.instructionPointer = control.stopIp;
        this.retired += budget - control.remaining - 1;
        this.#shared.slowAccess.drain();
        return undefined;
      case STOP_ARMED:
        if (error !== 0 || control.remaining === 0) break;
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
    const control = this.control;
    const isArmed = control.stopReason === STOP_ARMED;
    if (control.stopReason !== 0 && !isArmed) {
      const at = control.lastIp.toString(16);
      return { kind: 'unsupported', detail: `a fault inside the instruction at 0x${at}` };
    }
    const remaining = isArmed ? control.savedRemaining : control.remaining;
    const started = budget - remaining;
    if (this.#end === this.#registers.readInstructionPointer()) {
      return this.#reachedEnd(started, budget, isArmed);
    }
    const fault = this.#shared.fault;
    if (fault?.access === 'fetch') return this.#fetchFault(started, budget, isArmed);
    const stamps = [remaining, control.remaining];
    this.#unstart(started);
    if (fault !== undefined) return this.#memoryFault(fault, stamps);
    const vector = this.#shared.takeException();
    if (vector !== undefined) {
      this.#shared.slowAccess.undo(this.instructionPointer, stamps);
      this.#clearPendingException();
      return exitOfVector(vector);
    }
    return { kind: 'unsupported', detail: this.#shared.library.errorText(error) };
  }

  /** The instruction that started last is the next to execute. */
  #unstart(started: number): void {
    this.retired += started - 1;
    this.instructionPointer = this.control.lastIp;
    this.control.lastIp = this.control.previousIp;
  }

  /** All that started has retired, but what comes next cannot be fetched. */
  #fetchFault(started: number, budget: number, isArmed: boolean): Exit | undefined {
    const target = this.#registers.readInstructionPointer();
    if (BigInt.asIntN(48, target) !== BigInt.asIntN(64, target)) return this.#wildBranch(started);
    this.retired += started;
    this.instructionPointer = Number(target);
    if (isArmed) return ARMED;
    if (started === budget) return BUDGET;
    if (!Number.isSafeInteger(this.instructionPointer)) {
      return { kind: 'fault', access: 'fetch', address: target };
    }
    const end = endOfFetchable(this.#code.read(Number(target), PAGE_SIZE), Number(target));
    if (end === Number(target) || this.#end === BigInt(end)) return unfetchable(this.mapper, end);
    return this.#runUpTo(end, budget - started);
  }

  /** Unicorn translates ahead and faults on what is not to be executed yet: ends its block earlier. */
  #runUpTo(end: number, budget: number): Exit | undefined {
    this.#end = BigInt(end);
    this.#shared.library.setExits(this.#uc, [end]);
    this.mapper.forgetPage(end - 1);
    const exit = this.runOnce(budget);
    this.#shared.library.setExits(this.#uc, []);
    this.#end = undefined;
    this.mapper.forgetPage(end - 1);
    return exit;
  }

  /** The run came to the exit that runUpTo set. */
  #reachedEnd(started: number, budget: number, isArmed: boolean): Exit {
    this.retired += started;
    this.instructionPointer = Number(this.#end);
    if (isArmed) return ARMED;
    return started === budget ? BUDGET : unfetchable(this.mapper, this.instructionPointer);
  }

  /**
   * A branch to a non-canonical address raises its exception before it does anything. What a call
   * pushed stays, and stays logged, below the stack pointer.
   */
  #wildBranch(started: number): Exit {
    this.#unstart(started);
    const { stackPointerIncrement } = this.#code.decodeFaulting(this.instructionPointer);
    this.write('rsp', BigInt.asUintN(64, this.read('rsp') - BigInt(stackPointerIncrement)));
    return GENERAL_PROTECTION;
  }

  #memoryFault({ access, address }: FaultRecord, stamps: readonly number[]): Exit | undefined {
    this.#shared.slowAccess.undo(this.instructionPointer, stamps);
    if (access === 'write' && this.mapper.hidesWrites(Number(address))) {
      return this.#storeToCode(Number(address));
    }
    if (access !== 'read') return { kind: 'fault', access, address };
    return exitOfLoad(this.#code.decodeFaulting(this.instructionPointer), address, (name) =>
      this.read(name),
    );
  }

  /** The address space allows the store; we forbade it because code was decoded from the page. */
  #storeToCode(address: number): Exit | undefined {
    if (Math.floor(address / PAGE_SIZE) === Math.floor(this.instructionPointer / PAGE_SIZE)) {
      return { kind: 'unsupported', detail: 'store into the page of code that executes it' };
    }
    this.#code.invalidate(address);
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
    const offset = this.mapper.offsetOf(ip);
    const byte = this.#shared.codeMaps.classAt(offset);
    const kind = byte & CLASS_BITS;
    if (kind === INSTRUCTION_CLASS.unknown) {
      return this.#code.decode(ip) ? undefined : unfetchable(this.mapper, ip);
    }
    this.control.setClassMap(
      Math.floor(ip / PAGE_SIZE),
      this.#shared.codeMaps.pointerOf(Math.floor(offset / PAGE_SIZE)),
    );
    if (this.stopsBefore(byte, ip)) return AT_BOUNDARY;
    this.#stopPoints.pass(ip);
    if (kind === INSTRUCTION_CLASS.plain) return undefined;
    const special = this.#shared.codeMaps.specialAt(offset);
    const logLength = this.#shared.ring.log.length;
    if ((byte & BOUNDARY) !== 0) this.#logBoundary(special, ip);
    switch (special.kind) {
      case 'exit':
        return special.exit;
      case 'repeat':
        return runRepeat(this, { budget, isConditional: special.isConditional, logLength });
      case 'aligned': {
        const address = effectiveAddress(special.operand, (name) => this.read(name));
        if (address % 16n !== 0n) return GENERAL_PROTECTION;
        return this.#runPassing(budget);
      }
      case 'checked':
        return this.#checked(special, budget);
      case 'shift':
        return this.#shift(special);
    }
  }

  stopsBefore(classByte: number, address: number): boolean {
    return this.#stopPoints.areBefore(this.stops, classByte, address);
  }

  /** Native hooks log the boundaries that they let through; an exception executes nothing. */
  #logBoundary(special: SpecialInstruction, instruction: number): void {
    const reason = special.kind === 'exit' ? special.exit.kind : special.kind;
    if (reason !== 'syscall' && reason !== 'instruction' && reason !== 'repeat') return;
    const { slowAccess } = this.#shared;
    slowAccess.logBoundary(instruction, this.control.lastIp, this.control.remaining);
  }

  #checked(special: CheckedInstruction, budget: number): Exit | undefined {
    const address = checkOperand(this.mapper, special, (name) => this.read(name));
    if (typeof address !== 'number') return address;
    for (const at of [address, address + special.operand.sizeBytes - 1]) {
      if (special.writes && this.mapper.hidesWrites(at)) return this.#storeToCode(at);
    }
    const { ramBytes } = this.#shared;
    const refusal =
      special.loads && exitOfControlLoad(this.mapper, ramBytes, special.loads, address);
    return refusal ?? this.#runPassing(budget);
  }

  /** Executes a shift alone, and puts its carry flag right. */
  #shift(shift: ShiftOfMemory): Exit | undefined {
    const address = Number(effectiveAddress(shift.operand, (name) => this.read(name)));
    const value = this.mapper.readData(this.#shared.ramBytes, address, shift.operand.sizeBytes);
    const [rcx, rflags, retired] = [this.read('rcx'), this.read('rflags'), this.retired];
    const exit = this.#runPassing(1);
    if (value !== undefined && this.retired > retired) {
      this.write('rflags', withCarry(shift, { value, rcx, rflags }, this.read('rflags')));
    }
    return exit?.kind === 'budget' ? undefined : exit;
  }

  #runPassing(budget: number): Exit | undefined {
    this.control.passOnce(this.instructionPointer);
    return this.runOnce(budget);
  }

  truncateLog(length: number): void {
    this.#shared.ring.truncate(length);
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

  saveContext(reuse?: CpuContext): CpuContext {
    const context: UnicornContext = {
      engine: this.#shared.id,
      native: this.#registers.saveContext(
        reuse !== undefined && isUnicornContext(reuse, this.#shared.id) ? reuse.native : undefined,
      ),
      instructionPointer: this.instructionPointer,
      lastIp: this.control.lastIp,
      previousIp: this.control.previousIp,
    };
    return context;
  }

  restoreContext(context: CpuContext): void {
    assert(isUnicornContext(context, this.#shared.id), 'a context of this engine');
    this.#registers.restoreContext(context.native);
    this.instructionPointer = context.instructionPointer;
    this.control.lastIp = context.lastIp;
    this.control.previousIp = context.previousIp;
  }

  watch(address: number): void {
    this.control.watch = address;
  }

  addKnownArming(value: number): void {
    this.control.addKnownArming(value);
  }

  forgetKnownArmings(): void {
    this.control.forgetKnownArmings();
  }

  setDescriptorRange(start: number, lengthBytes: number): void {
    this.control.setDescriptorRange(start, lengthBytes);
  }

  markBoundary(address: number): void {
    this.#code.mark(address, BOUNDARY);
  }

  close(): void {
    this.#shared.library.close(this.#uc);
  }
}
