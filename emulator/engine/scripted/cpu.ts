import { assert } from '../../../kernel-model/assert.ts';
import { PAGE_SIZE, pageStart } from '../../../kernel-model/hardware/address.ts';
import {
  REGISTER_FILE,
  REGISTER_FILE_WORDS,
  registerFileIndex,
} from '../../../kernel-model/hardware/register-file.ts';
import type { RegisterName } from '../../../kernel-model/hardware/registers.ts';
import type { EngineMapping } from '../../../kernel-model/mm/address-space.ts';
import { type Access, allows } from '../../../kernel-model/mm/mapping.ts';
import { RECORD_BOUNDARY, RECORD_READ, RECORD_WRITE } from '../access-log.ts';
import { assertBudget, type CpuContext, type EngineCpu, type Exit, NO_STOPS } from '../engine.ts';
import type { ScriptedShared } from './engine.ts';
import type { ScriptedAccess, ScriptedInstruction } from './script.ts';
import { Watch } from './watch.ts';

const BUDGET: Exit = { kind: 'budget' };
const ARMED: Exit = { kind: 'armed' };
const AT_BOUNDARY: Exit = { kind: 'boundary' };
const RFLAGS_AT_RESET = 0x202n;

interface ScriptedContext extends CpuContext {
  readonly file: BigUint64Array;
  readonly instructionPointer: number;
  readonly last: number;
}

/** A CPU that does what the script says. */
export class ScriptedCpu implements EngineCpu {
  instructionPointer = 0;
  retired = 0;
  stops = NO_STOPS;
  readonly #shared: ScriptedShared;
  readonly #file = new BigUint64Array(REGISTER_FILE_WORDS);
  readonly #watch = new Watch();
  #mappings: readonly EngineMapping[] = [];
  #last = 0;
  /** Units that the run has left after this one: the stamp of its log records. */
  #left = 0;

  constructor(shared: ScriptedShared) {
    this.#shared = shared;
    this.#file[REGISTER_FILE.rflags] = RFLAGS_AT_RESET;
  }

  get lastInstructionPointer(): number {
    return this.#last;
  }

  setMappings(mappings: readonly EngineMapping[]): void {
    this.#mappings = mappings;
  }

  run(budgetInstructions: number): Exit {
    assertBudget(budgetInstructions);
    for (this.retired = 0; this.retired < budgetInstructions; this.retired++) {
      this.#left = budgetInstructions - this.retired - 1;
      const exit = this.#step();
      if (exit === undefined) continue;
      if (exit.kind === 'armed') this.retired++;
      return exit;
    }
    return BUDGET;
  }

  /** Executes one unit. It has retired if this gives `undefined` or `armed`. */
  #step(): Exit | undefined {
    const ip = this.instructionPointer;
    const codeOffset = this.#translate(ip, 'fetch');
    if (codeOffset === undefined) return { kind: 'fault', access: 'fetch', address: ip };
    this.#shared.noteCode(codeOffset);
    const instruction = this.#shared.script.get(ip);
    if (instruction === undefined) {
      return { kind: 'unsupported', detail: `nothing is scripted at 0x${ip.toString(16)}` };
    }
    const lastByte = ip + (instruction.lengthBytes ?? 1) - 1;
    if (this.#translate(lastByte, 'fetch') === undefined) {
      return { kind: 'fault', access: 'fetch', address: pageStart(lastByte) };
    }
    const isExecuted = instruction.kind !== 'exit' || isExecutedByMachine(instruction.exit);
    const accesses = this.#accessesOf(instruction);
    const fault = this.#firstFault(accesses);
    if (fault !== undefined) return fault;
    const isBoundary = isExecuted && this.#shared.isBoundary(codeOffset);
    const isRepeating = instruction.kind === 'fill' && this.#last === ip;
    if (this.retired > 0 && !isRepeating) {
      const { boundaries, instructions } = this.stops;
      if ((isBoundary && boundaries) || instructions.has(ip)) return AT_BOUNDARY;
    }
    if (isBoundary) {
      this.#log(RECORD_BOUNDARY, ip, 0, BigInt(this.#last));
    }
    if (instruction.kind === 'exit') return instruction.exit;
    let isArmed = false;
    for (const access of accesses) isArmed = this.#perform(access) || isArmed;
    if (instruction.kind === 'fill') this.#advanceFill(instruction);
    else {
      for (const [name, value] of Object.entries(instruction.registers ?? {})) {
        this.write(name as RegisterName, value);
      }
      this.instructionPointer = instruction.next;
    }
    this.#last = ip;
    return isArmed ? ARMED : undefined;
  }

  #accessesOf(instruction: ScriptedInstruction): readonly ScriptedAccess[] {
    switch (instruction.kind) {
      case 'plain':
        return instruction.accesses ?? [];
      case 'fill': {
        if (this.read('rcx') === 0n) return [];
        const address = Number(this.read('rdi'));
        return [{ kind: 'store', address, sizeBytes: instruction.sizeBytes, value: 'rax' }];
      }
      case 'exit':
        return [];
    }
  }

  #advanceFill(instruction: ScriptedInstruction & { readonly kind: 'fill' }): void {
    const count = this.read('rcx');
    if (count > 0n) {
      this.write('rcx', count - 1n);
      this.write('rdi', this.read('rdi') + BigInt(instruction.sizeBytes));
    }
    if (count <= 1n) this.instructionPointer = instruction.next;
  }

  /** The fault of the first access that is not allowed, at the first byte that it may not touch. */
  #firstFault(accesses: readonly ScriptedAccess[]): Exit | undefined {
    for (const { kind, address, sizeBytes } of accesses) {
      const access = kind === 'store' ? 'write' : 'read';
      for (const part of parts(address, sizeBytes)) {
        if (this.#translate(part.address, access) !== undefined) continue;
        return { kind: 'fault', access, address: part.address };
      }
    }
    return undefined;
  }

  /** Makes an access that cannot fault; true if it ends the run. */
  #perform(access: ScriptedAccess): boolean {
    const { address, sizeBytes } = access;
    const isStore = access.kind === 'store';
    let value = 0n;
    if (isStore) {
      const source = typeof access.value === 'bigint' ? access.value : this.read(access.value);
      value = BigInt.asUintN(sizeBytes * 8, source);
    }
    const isLogged = isStore || this.#shared.logReads;
    for (const part of parts(address, sizeBytes)) {
      const shift = BigInt((part.address - address) * 8);
      if (isLogged) {
        const kind = isStore ? RECORD_WRITE : RECORD_READ;
        this.#log(kind, part.address, part.sizeBytes, value >> shift);
      }
      const offset = this.#translate(part.address, 'read');
      assert(offset !== undefined, 'an access that does not fault');
      for (let i = 0; i < part.sizeBytes; i++) {
        const bit = shift + BigInt(i * 8);
        if (isStore) this.#shared.ramBytes[offset + i] = Number((value >> bit) & 0xffn);
        else value |= BigInt(this.#shared.ramBytes[offset + i] ?? 0) << bit;
      }
    }
    if (!isStore) {
      if (access.into !== undefined) this.write(access.into, value);
      return false;
    }
    return this.#watch.isHit(address, sizeBytes, value);
  }

  #log(kind: number, address: number, sizeBytes: number, value: bigint): void {
    const instruction = this.instructionPointer;
    this.#shared.append({ kind, address, sizeBytes, value, stamp: this.#left, instruction });
  }

  /** Byte offset in RAM of an address that may be accessed so. */
  #translate(address: number, access: Access): number | undefined {
    const mapping = this.#mappings.find(
      (candidate) => address >= candidate.address && address < candidate.address + candidate.length,
    );
    if (mapping === undefined || !allows(mapping.protection, access)) return undefined;
    return mapping.ramOffset + (address - mapping.address);
  }

  read(register: RegisterName): bigint {
    return this.#file[registerFileIndex(register)] ?? 0n;
  }

  write(register: RegisterName, value: bigint): void {
    this.#file[registerFileIndex(register)] = value;
  }

  readRegisterFile(file: BigUint64Array): void {
    file.set(this.#file);
    file[REGISTER_FILE.rip] = BigInt(this.instructionPointer);
  }

  writeRegisterFile(file: BigUint64Array): void {
    this.#file.set(file.subarray(0, REGISTER_FILE_WORDS));
    this.instructionPointer = Number(file[REGISTER_FILE.rip] ?? 0n);
  }

  saveContext(): CpuContext {
    const context: ScriptedContext = {
      engine: this.#shared.id,
      file: this.#file.slice(),
      instructionPointer: this.instructionPointer,
      last: this.#last,
    };
    return context;
  }

  restoreContext(context: CpuContext): void {
    assert(isScriptedContext(context, this.#shared.id), 'a context of this engine');
    this.#file.set(context.file);
    this.instructionPointer = context.instructionPointer;
    this.#last = context.last;
  }

  watch(address: number): void {
    this.#watch.address = address;
  }

  addKnownArming(value: number): void {
    this.#watch.known.add(BigInt(value));
  }

  forgetKnownArmings(): void {
    this.#watch.known.clear();
  }

  setDescriptorRange(start: number, lengthBytes: number): void {
    this.#watch.descriptors = { start, lengthBytes };
  }

  markBoundary(address: number): void {
    const offset = this.#translate(address, 'fetch');
    if (offset !== undefined) this.#shared.markBoundary(offset);
  }

  close(): void {
    this.#mappings = [];
  }
}

/** The machine executes these, so the exit counts as their execution. */
function isExecutedByMachine(exit: Exit): boolean {
  return exit.kind === 'syscall' || exit.kind === 'instruction';
}

/** The parts of an access that lie in one page each. */
function* parts(address: number, sizeBytes: number) {
  const end = address + sizeBytes;
  for (let at = address; at < end; ) {
    const next = Math.min(end, pageStart(at) + PAGE_SIZE);
    yield { address: at, sizeBytes: next - at };
    at = next;
  }
}

function isScriptedContext(context: CpuContext, engine: string): context is ScriptedContext {
  return context.engine === engine && 'file' in context;
}
