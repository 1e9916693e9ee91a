import { assert } from '../../kernel-model/assert.ts';
import type { RegisterName } from '../../kernel-model/hardware/registers.ts';
import type { EngineMapping } from '../../kernel-model/mm/address-space.ts';
import type { AccessLog } from './access-log.ts';
import type { ModelInstruction } from './decode/instruction.ts';

/** Why a run ended. The instruction pointer then names the next instruction to execute. */
export type Exit =
  /** The budget is spent: exactly that many instructions retired. */
  | { readonly kind: 'budget' }
  /** A `syscall` instruction is next; it has not executed. */
  | { readonly kind: 'syscall' }
  /** The next instruction is one that the machine answers itself (cpuid, rdtsc, popcnt, ...). */
  | { readonly kind: 'instruction'; readonly instruction: ModelInstruction }
  /** The next instruction accessed memory that is not mapped so; nothing of it took effect. */
  | {
      readonly kind: 'fault';
      readonly access: 'read' | 'write' | 'fetch';
      readonly address: number | bigint;
    }
  /** The next instruction raises an exception; nothing of it took effect. */
  | { readonly kind: 'exception'; readonly exception: CpuException }
  /** The watched word or a known descriptor was stored to by the instruction that just retired. */
  | { readonly kind: 'armed' }
  /** The next instruction is a boundary, and the CPU was asked to stop there. */
  | { readonly kind: 'boundary' }
  /** The next instruction cannot be executed by this engine; `detail` names it. */
  | { readonly kind: 'unsupported'; readonly detail: string };

export type CpuException = 'divide-error' | 'breakpoint' | 'invalid-opcode' | 'general-protection';

/** Registers of a CPU at one moment, for one engine. Opaque; holds no reference to the CPU. */
export interface CpuContext {
  readonly engine: string;
}

/** Where runs end early: before any of these instructions but the first of a run. Must not change. */
export interface RunStops {
  /** The instructions that are marked as boundaries. */
  readonly boundaries: boolean;
  /** Those at these addresses, wherever their code may be mapped. */
  readonly instructions: ReadonlySet<number>;
}

export const NO_STOPS: RunStops = { boundaries: false, instructions: new Set() };

/** Most instructions that one `run` may be asked for. */
export const BUDGET_INSTRUCTIONS_MAX = 0x7fff_fff0;

/** Asserts that a run may be asked for so much. */
export function assertBudget(budgetInstructions: number): void {
  const isPossible = budgetInstructions > 0 && budgetInstructions <= BUDGET_INSTRUCTIONS_MAX;
  assert(isPossible, 'a budget', budgetInstructions);
}

/**
 * One hardware thread's registers over a set of mappings. A retired unit is one instruction, or one
 * iteration of a REP string instruction, as a native single-step counts them.
 */
export interface EngineCpu {
  /** The next instruction to execute. */
  instructionPointer: number;
  /** The instruction that retired last in this CPU, 0 before the first. */
  readonly lastInstructionPointer: number;
  /** Units retired by the last `run`. */
  readonly retired: number;
  /** Replaces the mappings; cheap when the list object is the one set before. */
  setMappings(mappings: readonly EngineMapping[]): void;
  /** Executes at most `budgetInstructions` (1 to BUDGET_INSTRUCTIONS_MAX) units. */
  run(budgetInstructions: number): Exit;
  read(register: RegisterName): bigint;
  write(register: RegisterName, value: bigint): void;
  /** Copies all architectural registers into `file` (REGISTER_FILE_WORDS words). */
  readRegisterFile(file: BigUint64Array): void;
  /** Sets all architectural registers from `file`. */
  writeRegisterFile(file: BigUint64Array): void;
  /** `reuse`: a context of this engine that nobody needs any more, to be overwritten. */
  saveContext(reuse?: CpuContext): CpuContext;
  restoreContext(context: CpuContext): void;
  /** The aligned 8-byte word whose stores are reported as `armed`; 0 for none. */
  watch(address: number): void;
  /** A word stored to the watch that needs no report: its boundaries are marked already. */
  addKnownArming(value: number): void;
  forgetKnownArmings(): void;
  /** Stores to these bytes are reported as `armed` too: descriptors behind known armings. */
  setDescriptorRange(start: number, lengthBytes: number): void;
  /** Where runs end before their budget is used up. */
  stops: RunStops;
  /** Logs each execution of the instruction at `address` as a boundary record. */
  markBoundary(address: number): void;
  close(): void;
}

/** A CPU emulator over guest RAM that it shares with the machine. */
export interface Engine {
  /** Name and version, as schedules record it: `unicorn 2.0.1`. */
  readonly id: string;
  /** Guest RAM; mappings name byte offsets in it. */
  readonly ram: ArrayBuffer;
  /** Stores (and loads, if asked for) and boundary records of all CPUs, in order. */
  readonly log: AccessLog;
  createCpu(): EngineCpu;
  /** The bytes of a page of RAM were changed from outside: forget what was decoded from it. */
  codeChanged(ramOffset: number): void;
  close(): void;
}
