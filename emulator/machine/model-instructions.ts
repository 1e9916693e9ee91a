import { PAGE_SIZE, pageStart } from '../../kernel-model/hardware/address.ts';
import type { RegisterName, TaskRegisters } from '../../kernel-model/hardware/registers.ts';
import type { UserMemory } from '../../kernel-model/mm/user-memory.ts';
import {
  effectiveAddress,
  type ModelInstruction,
  type Operand,
  type RegisterOperand,
} from '../engine/decode/instruction.ts';
import { cpuidLeaf } from './cpuid.ts';

/** What the instructions that the machine executes may ask of it. */
export interface InstructionContext {
  readonly registers: TaskRegisters;
  readonly memory: UserMemory;
  /** Virtual time in retired instructions: the time-stamp counter. */
  readonly now: number;
  readonly vcpu: number;
}

/** `undefined` when the instruction took effect; else the access that faulted, and nothing did. */
export type InstructionFault = { readonly access: 'read' | 'write'; readonly address: bigint };

const LOW_32 = 0xffff_ffffn;
const ZF = 0x40n;
const ARITHMETIC_FLAGS = 0x8d5n;
/** CF PF AF ZF SF TF DF OF NT AC ID: what popf may change at CPL 3 with IOPL 0. */
const POPF_MASK = 0x24_4dd5n;
const TRAP_FLAG = 0x100n;
const ALIGNMENT_CHECK_FLAG = 0x4_0000n;
const FIXED_FLAGS = 0x202n;

/** Executes an instruction that the engine lacks or must not answer; rip is left to the caller. */
export function executeModelInstruction(
  context: InstructionContext,
  instruction: ModelInstruction,
): InstructionFault | 'unsupported' | undefined {
  const { registers, now, vcpu } = context;
  switch (instruction.mnemonic) {
    case 'cpuid': {
      const leaf = Number(registers.read('rax') & LOW_32);
      const [a, b, c, d] = cpuidLeaf(leaf, vcpu);
      return setAll(registers, { rax: a, rbx: b, rcx: c, rdx: d });
    }
    case 'rdtsc':
    case 'rdtscp': {
      const time = BigInt(now);
      if (instruction.mnemonic === 'rdtscp') registers.write('rcx', BigInt(vcpu));
      return setAll(registers, { rax: Number(time & LOW_32), rdx: Number(time >> 32n) });
    }
    case 'rdpid':
      return store(context, instruction.operands[0], BigInt(vcpu));
    case 'xgetbv':
      return 'unsupported';
    case 'popcnt':
      return popcnt(context, instruction);
    case 'movbe':
      return movbe(context, instruction);
    case 'popf':
      return popf(context);
    case 'rdfsbase':
    case 'rdgsbase':
      return store(context, instruction.operands[0], registers.read(baseOf(instruction)));
    case 'wrfsbase':
    case 'wrgsbase': {
      const value = load(context, instruction.operands[0]);
      if (typeof value !== 'bigint') return value;
      // Reported like an access there: both end as general protection.
      if (!isCanonical(value)) return { access: 'write', address: value };
      registers.write(baseOf(instruction), value);
      return undefined;
    }
    case 'mov-from-segment':
      return store(context, instruction.operands[0], BigInt(instruction.selector));
  }
}

function isCanonical(address: bigint): boolean {
  return BigInt.asIntN(48, address) === BigInt.asIntN(64, address);
}

function baseOf(instruction: ModelInstruction): RegisterName {
  return instruction.mnemonic.endsWith('fsbase') ? 'fs_base' : 'gs_base';
}

function setAll(
  registers: TaskRegisters,
  values: Partial<Record<RegisterName, number>>,
): undefined {
  for (const [name, value] of Object.entries(values)) {
    registers.write(name as RegisterName, BigInt(value >>> 0));
  }
  return undefined;
}

function popcnt(context: InstructionContext, instruction: ModelInstruction) {
  const value = load(context, instruction.operands[1]);
  if (typeof value !== 'bigint') return value;
  let count = 0n;
  for (let rest = value; rest !== 0n; rest &= rest - 1n) count++;
  const flags = context.registers.read('rflags') & ~ARITHMETIC_FLAGS;
  context.registers.write('rflags', value === 0n ? flags | ZF : flags);
  return store(context, instruction.operands[0], count);
}

function movbe(context: InstructionContext, instruction: ModelInstruction) {
  const source = instruction.operands[1];
  const value = load(context, source);
  if (typeof value !== 'bigint') return value;
  if (source === undefined) return 'unsupported' as const;
  let swapped = 0n;
  for (let i = 0; i < source.sizeBytes; i++) {
    swapped = (swapped << 8n) | ((value >> BigInt(8 * i)) & 0xffn);
  }
  return store(context, instruction.operands[0], swapped);
}

function popf(context: InstructionContext): InstructionFault | 'unsupported' | undefined {
  const { registers, memory } = context;
  const address = registers.read('rsp');
  const value = memory.readU64(Number(address));
  if (value === undefined) return faultOf(context, 'read', address, 8);
  if ((value & (TRAP_FLAG | ALIGNMENT_CHECK_FLAG)) !== 0n) return 'unsupported';
  const kept = registers.read('rflags') & ~POPF_MASK;
  registers.write('rflags', kept | (value & POPF_MASK) | FIXED_FLAGS);
  registers.write('rsp', BigInt.asUintN(64, address + 8n));
  return undefined;
}

function load(
  context: InstructionContext,
  operand: Operand | undefined,
): bigint | InstructionFault | 'unsupported' {
  if (operand === undefined) return 'unsupported';
  if (operand.kind === 'register') {
    return BigInt.asUintN(operand.sizeBytes * 8, context.registers.read(operand.register));
  }
  const address = effectiveAddress(operand, (name) => context.registers.read(name));
  const bytes = context.memory.read(Number(address), operand.sizeBytes);
  if (bytes === undefined) return faultOf(context, 'read', address, operand.sizeBytes);
  let value = 0n;
  for (let i = operand.sizeBytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}

function store(
  context: InstructionContext,
  operand: Operand | undefined,
  value: bigint,
): InstructionFault | 'unsupported' | undefined {
  if (operand === undefined) return 'unsupported';
  if (operand.kind === 'register') {
    writeRegister(context.registers, operand, value);
    return undefined;
  }
  const address = effectiveAddress(operand, (name) => context.registers.read(name));
  const bytes = new Uint8Array(operand.sizeBytes);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  if (context.memory.write(Number(address), bytes)) return undefined;
  return faultOf(context, 'write', address, operand.sizeBytes);
}

/** The fault of an access that failed: at its first byte that is not accessible. */
function faultOf(
  { memory }: InstructionContext,
  access: InstructionFault['access'],
  address: bigint,
  sizeBytes: number,
): InstructionFault {
  const at = Number(address);
  const second = pageStart(at) + PAGE_SIZE;
  const isFirstPageFine = memory.space.translate(at, access === 'write') >= 0;
  const isInSecond = isFirstPageFine && at + sizeBytes > second;
  return { access, address: isInSecond ? BigInt(second) : address };
}

/** 32-bit writes clear the upper half, 16-bit ones keep the rest. */
function writeRegister(registers: TaskRegisters, operand: RegisterOperand, value: bigint): void {
  if (operand.sizeBytes >= 4) {
    registers.write(operand.register, BigInt.asUintN(operand.sizeBytes * 8, value));
    return;
  }
  const mask = (1n << BigInt(operand.sizeBytes * 8)) - 1n;
  const kept = registers.read(operand.register) & ~mask;
  registers.write(operand.register, kept | (value & mask));
}
