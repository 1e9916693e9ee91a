import { basename } from 'node:path';
import { parseProgram } from '../../emulator/loader/parse.ts';
import type { Program } from '../../emulator/machine/program.ts';
import { GENERAL_REGISTERS, type GeneralRegister } from '../../kernel-model/hardware/registers.ts';

/** Where flat images are loaded. */
export const BASE = 0x40_0000;

/** An operand: a number, or the address of a label. */
export type Value = number | bigint | string;

/** A piece of a program; its size does not depend on labels. */
export type Part =
  | { readonly kind: 'bytes'; readonly bytes: readonly number[] }
  | { readonly kind: 'label'; readonly name: string }
  | { readonly kind: 'align'; readonly bytes: number }
  /** An opcode followed by a 64-bit word. */
  | { readonly kind: 'word'; readonly opcode: readonly number[]; readonly value: Value }
  /** An opcode followed by a 32-bit distance. */
  | { readonly kind: 'jump'; readonly opcode: readonly number[]; readonly target: string };

/** CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, PARENT_SETTID and CHILD_CLEARTID. */
const THREAD_FLAGS = 0x35_0f00;
const WORD_BYTES = 8;
const DISTANCE_BYTES = 4;

export function bytes(...values: readonly number[]): Part {
  return { kind: 'bytes', bytes: values };
}

export function label(name: string): Part {
  return { kind: 'label', name };
}

export function align(to: number): Part {
  return { kind: 'align', bytes: to };
}

/** A 64-bit word of data. */
export function word(value: Value): Part {
  return { kind: 'word', opcode: [], value };
}

/** movabs $value, register */
export function mov(register: GeneralRegister, value: Value): Part {
  const number = GENERAL_REGISTERS.indexOf(register);
  return { kind: 'word', opcode: [0x48 | (number >> 3), 0xb8 | (number & 7)], value };
}

/** movabs address, %rax */
export function load(address: Value): Part {
  return { kind: 'word', opcode: [0x48, 0xa1], value: address };
}

/** movabs %rax, address */
export function store(address: Value): Part {
  return { kind: 'word', opcode: [0x48, 0xa3], value: address };
}

export function jump(target: string): Part {
  return { kind: 'jump', opcode: [0xe9], target };
}

export function jumpIfNotZero(target: string): Part {
  return { kind: 'jump', opcode: [0x0f, 0x85], target };
}

function jumpIfZero(target: string): Part {
  return { kind: 'jump', opcode: [0x0f, 0x84], target };
}

export function callTo(target: string): Part {
  return { kind: 'jump', opcode: [0xe8], target };
}

export const nop = bytes(0x90);
export const ret = bytes(0xc3);
export const addOneToRax = bytes(0x48, 0xff, 0xc0);
export const testRax = bytes(0x48, 0x85, 0xc0);
export const raxToRdi = bytes(0x48, 0x89, 0xc7);
export const raxToRbx = bytes(0x48, 0x89, 0xc3);
export const rbxToRax = bytes(0x48, 0x89, 0xd8);
const raxToRdx = bytes(0x48, 0x89, 0xc2);
export const decrementRbx = bytes(0x48, 0xff, 0xcb);
export const syscall = bytes(0x0f, 0x05);

/** sub $value, %rax */
export function subtract(value: number): Part {
  return bytes(0x48, 0x83, 0xe8, value);
}

const ARGUMENTS = ['rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'] as const;

/** A system call; its result is in rax. */
export function systemCall(number: number, ...args: readonly Value[]): Part[] {
  const set = args.flatMap((value, i) => {
    const register = ARGUMENTS[i];
    return register === undefined ? [] : [mov(register, value)];
  });
  return [...set, mov('rax', number), syscall];
}

/** Waits until a thread's id, which its end clears, is zero. `name` tells its labels apart. */
export function join(tid: string, name: string): Part[] {
  return [
    label(`wait ${name}`),
    load(tid),
    testRax,
    jumpIfZero(`joined ${name}`),
    mov('rdi', tid),
    mov('rsi', 0),
    raxToRdx,
    mov('r10', 0),
    mov('rax', 202),
    syscall,
    jump(`wait ${name}`),
    label(`joined ${name}`),
  ];
}

/** clone(2) of a thread that begins at `entry`, its stack below `stack`. */
export function startThread(entry: string, tid: string, stack: Value): Part[] {
  return [...systemCall(56, THREAD_FLAGS, stack, tid, tid, 0), testRax, jumpIfZero(entry)];
}

/** exit_group(status) */
export function exit(status: number): Part[] {
  return systemCall(231, status);
}

function sizeOf(part: Part, at: number): number {
  switch (part.kind) {
    case 'bytes':
      return part.bytes.length;
    case 'label':
      return 0;
    case 'align':
      return (part.bytes - (at % part.bytes)) % part.bytes;
    case 'word':
      return part.opcode.length + WORD_BYTES;
    case 'jump':
      return part.opcode.length + DISTANCE_BYTES;
  }
}

/** A program, and where its labels are. */
export interface TinyProgram {
  readonly program: Program;
  readonly labels: ReadonlyMap<string, number>;
}

/** Assembles a flat image that is entered at its first part. */
export function assemble(parts: readonly Part[], path = 'tiny.bin'): TinyProgram {
  const labels = new Map<string, number>();
  let end = BASE;
  for (const part of parts) {
    if (part.kind === 'label') labels.set(part.name, end);
    end += sizeOf(part, end);
  }
  const image = Buffer.alloc(end - BASE);
  let at = 0;
  for (const part of parts) {
    encode(part, at, image, labels);
    at += sizeOf(part, BASE + at);
  }
  const { image: parsed } = parseProgram(basename(path), image);
  return { program: { image: parsed, args: [], env: [] }, labels };
}

function encode(part: Part, at: number, image: Buffer, labels: ReadonlyMap<string, number>): void {
  const resolve = (value: Value): bigint => {
    if (typeof value !== 'string') return BigInt.asUintN(64, BigInt(value));
    const address = labels.get(value);
    if (address === undefined) throw new Error(`no label ${value}`);
    return BigInt(address);
  };
  switch (part.kind) {
    case 'bytes':
      image.set(part.bytes, at);
      return;
    case 'word':
      image.set(part.opcode, at);
      image.writeBigUInt64LE(resolve(part.value), at + part.opcode.length);
      return;
    case 'jump': {
      const next = at + part.opcode.length + DISTANCE_BYTES;
      image.set(part.opcode, at);
      image.writeInt32LE(Number(resolve(part.target)) - BASE - next, next - DISTANCE_BYTES);
      return;
    }
    case 'label':
    case 'align':
      return;
  }
}
