import type { ScriptedInstruction } from '../../emulator/engine/scripted/script.ts';
import { GENERAL_REGISTERS, type GeneralRegister } from '../../kernel-model/hardware/registers.ts';

/** An instruction that every engine of the contract suite can be made to execute. */
export type AbstractInstruction =
  | { readonly kind: 'nop' }
  | { readonly kind: 'set'; readonly register: GeneralRegister; readonly value: bigint }
  /** The low bytes of rax go to an address. */
  | { readonly kind: 'store'; readonly address: number; readonly sizeBytes: 1 | 2 | 4 | 8 }
  /** Eight bytes at an address go to rax. */
  | { readonly kind: 'load'; readonly address: number }
  /** rep stos. */
  | { readonly kind: 'fill'; readonly sizeBytes: 1 | 8 }
  | { readonly kind: 'jump'; readonly to: number }
  | { readonly kind: Ending };

/** Instructions that end a run before they execute. */
export type Ending =
  | 'syscall'
  | 'cpuid'
  | 'divide-by-zero'
  | 'invalid'
  | 'privileged'
  | 'breakpoint'
  | 'unsupported';

export const nop: AbstractInstruction = { kind: 'nop' };

export function set(register: GeneralRegister, value: bigint): AbstractInstruction {
  return { kind: 'set', register, value };
}

export function store(address: number, sizeBytes: 1 | 2 | 4 | 8 = 8): AbstractInstruction {
  return { kind: 'store', address, sizeBytes };
}

export function load(address: number): AbstractInstruction {
  return { kind: 'load', address };
}

export function fill(sizeBytes: 1 | 8): AbstractInstruction {
  return { kind: 'fill', sizeBytes };
}

export function jump(to: number): AbstractInstruction {
  return { kind: 'jump', to };
}

export function ending(kind: Ending): AbstractInstruction {
  return { kind };
}

/** An abstract instruction at its place. */
export interface Placed {
  readonly address: number;
  readonly next: number;
  readonly bytes: Uint8Array;
  readonly instruction: AbstractInstruction;
}

/** Lays a program out from an address on. */
export function place(base: number, program: readonly AbstractInstruction[]): readonly Placed[] {
  let address = base;
  return program.map((instruction) => {
    const bytes = encode(instruction, address);
    const placed = { address, next: address + bytes.length, bytes, instruction };
    address = placed.next;
    return placed;
  });
}

/** vpaddd xmm0, xmm2, xmm6 stands for what the engines refuse. */
const ENDINGS: Readonly<Record<Ending, readonly number[]>> = {
  syscall: [0x0f, 0x05],
  cpuid: [0x0f, 0xa2],
  'divide-by-zero': [0x49, 0xf7, 0xf0],
  invalid: [0x0f, 0x0b],
  privileged: [0xf4],
  breakpoint: [0xcc],
  unsupported: [0xc5, 0xe9, 0xfe, 0xc6],
};

const STORES = { 1: [0xa2], 2: [0x66, 0xa3], 4: [0xa3], 8: [0x48, 0xa3] } as const;

/** x86-64 code. `divide-by-zero` is div r8, which programs leave zero. */
function encode(instruction: AbstractInstruction, address: number): Uint8Array {
  switch (instruction.kind) {
    case 'nop':
      return Uint8Array.of(0x90);
    case 'set': {
      const number = GENERAL_REGISTERS.indexOf(instruction.register);
      return Uint8Array.of(
        0x48 | (number >> 3),
        0xb8 | (number & 7),
        ...littleEndian(instruction.value),
      );
    }
    case 'store': {
      const opcode = STORES[instruction.sizeBytes];
      return Uint8Array.of(...opcode, ...littleEndian(BigInt(instruction.address)));
    }
    case 'load':
      return Uint8Array.of(0x48, 0xa1, ...littleEndian(BigInt(instruction.address)));
    case 'fill':
      return Uint8Array.from(instruction.sizeBytes === 1 ? [0xf3, 0xaa] : [0xf3, 0x48, 0xab]);
    case 'jump': {
      const distance = BigInt(instruction.to - (address + 5));
      return Uint8Array.of(0xe9, ...littleEndian(distance).slice(0, 4));
    }
    default:
      return Uint8Array.from(ENDINGS[instruction.kind]);
  }
}

function littleEndian(value: bigint): readonly number[] {
  return Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

/** The same for the scripted engine. */
export function toScripted(placed: Placed): ScriptedInstruction {
  return { ...scriptedAction(placed), lengthBytes: placed.bytes.length };
}

function scriptedAction({ address, next, bytes, instruction }: Placed): ScriptedInstruction {
  switch (instruction.kind) {
    case 'nop':
      return { kind: 'plain', next };
    case 'set':
      return { kind: 'plain', registers: { [instruction.register]: instruction.value }, next };
    case 'store':
      return { kind: 'plain', accesses: [{ ...instruction, value: 'rax' }], next };
    case 'load':
      return { kind: 'plain', accesses: [{ ...instruction, sizeBytes: 8, into: 'rax' }], next };
    case 'fill':
      return { kind: 'fill', sizeBytes: instruction.sizeBytes, next };
    case 'jump':
      return { kind: 'plain', next: instruction.to };
    case 'syscall':
      return { kind: 'exit', exit: { kind: 'syscall' } };
    case 'cpuid':
      return {
        kind: 'exit',
        exit: {
          kind: 'instruction',
          instruction: {
            address,
            lengthBytes: bytes.length,
            mnemonic: 'cpuid',
            operands: [],
            selector: 0,
          },
        },
      };
    case 'divide-by-zero':
      return { kind: 'exit', exit: { kind: 'exception', exception: 'divide-error' } };
    case 'invalid':
      return { kind: 'exit', exit: { kind: 'exception', exception: 'invalid-opcode' } };
    case 'privileged':
      return { kind: 'exit', exit: { kind: 'exception', exception: 'general-protection' } };
    case 'breakpoint':
      return { kind: 'exit', exit: { kind: 'exception', exception: 'breakpoint' } };
    case 'unsupported':
      return { kind: 'exit', exit: { kind: 'unsupported', detail: 'vpaddd xmm0,xmm2,xmm6' } };
  }
}
