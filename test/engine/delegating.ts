import type { AccessLog } from '../../emulator/engine/access-log.ts';
import type {
  CpuContext,
  Engine,
  EngineCpu,
  Exit,
  RunStops,
} from '../../emulator/engine/engine.ts';
import type { RegisterName } from '../../kernel-model/hardware/registers.ts';
import type { EngineMapping } from '../../kernel-model/mm/address-space.ts';

/** Passes everything on to another CPU; a base for CPUs that do one thing wrong. */
export class DelegatingCpu implements EngineCpu {
  protected readonly inner: EngineCpu;

  constructor(inner: EngineCpu) {
    this.inner = inner;
  }

  get instructionPointer(): number {
    return this.inner.instructionPointer;
  }
  set instructionPointer(value: number) {
    this.inner.instructionPointer = value;
  }
  get lastInstructionPointer(): number {
    return this.inner.lastInstructionPointer;
  }
  get retired(): number {
    return this.inner.retired;
  }
  setMappings(mappings: readonly EngineMapping[]): void {
    this.inner.setMappings(mappings);
  }
  run(budgetInstructions: number): Exit {
    return this.inner.run(budgetInstructions);
  }
  read(register: RegisterName): bigint {
    return this.inner.read(register);
  }
  write(register: RegisterName, value: bigint): void {
    this.inner.write(register, value);
  }
  readRegisterFile(file: BigUint64Array): void {
    this.inner.readRegisterFile(file);
  }
  writeRegisterFile(file: BigUint64Array): void {
    this.inner.writeRegisterFile(file);
  }
  saveContext(reuse?: CpuContext): CpuContext {
    return this.inner.saveContext(reuse);
  }
  restoreContext(context: CpuContext): void {
    this.inner.restoreContext(context);
  }
  watch(address: number): void {
    this.inner.watch(address);
  }
  addKnownArming(value: number): void {
    this.inner.addKnownArming(value);
  }
  forgetKnownArmings(): void {
    this.inner.forgetKnownArmings();
  }
  setDescriptorRange(start: number, lengthBytes: number): void {
    this.inner.setDescriptorRange(start, lengthBytes);
  }
  get stops(): RunStops {
    return this.inner.stops;
  }
  set stops(value: RunStops) {
    this.inner.stops = value;
  }
  markBoundary(address: number): void {
    this.inner.markBoundary(address);
  }
  close(): void {
    this.inner.close();
  }
}

/** Passes everything on to another engine, but wraps its CPUs. */
export class DelegatingEngine implements Engine {
  readonly id: string;
  readonly ram: ArrayBuffer;
  readonly log: AccessLog;
  protected readonly inner: Engine;
  readonly #wrap: (cpu: EngineCpu, engine: Engine) => EngineCpu;

  constructor(inner: Engine, wrap: (cpu: EngineCpu, engine: Engine) => EngineCpu = (cpu) => cpu) {
    this.inner = inner;
    this.id = inner.id;
    this.ram = inner.ram;
    this.log = inner.log;
    this.#wrap = wrap;
  }

  createCpu(): EngineCpu {
    return this.#wrap(this.inner.createCpu(), this.inner);
  }
  codeChanged(ramOffset: number): void {
    this.inner.codeChanged(ramOffset);
  }
  close(): void {
    this.inner.close();
  }
}
