import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';

/** Fixed addresses of judge-guest.c and of what the generated code keeps there. */
export const GUEST = {
  code: 0x5000_0100,
  callee: 0x5000_0800,
  abort: 0x5000_3000,
  afterFault: 0x5000_3f00,
  area: 0x5000_4100,
  otherArea: 0x5000_4200,
  descriptor: 0x5000_4400,
  go: 0x5000_4800,
  done: 0x5000_4840,
  committed: 0x5000_4880,
  result: 0x5000_48c0,
  status: 0x5000_4900,
  mask: 0x5000_4940,
  timespec: 0x5000_4980,
  zeros: 0x5000_4a00,
  ignore: 0x5000_4a40,
  signals: 0x5000_4a80,
  hole: 0x5000_8000,
} as const;

export const CELL = GUEST.area + RSEQ_AREA.rseqCs;

type Bytes = readonly number[];

/** A number as memory holds it. */
export function little(value: number | bigint, sizeBytes: number): number[] {
  const word = BigInt.asUintN(8 * sizeBytes, BigInt(value));
  return Array.from({ length: sizeBytes }, (_, i) => Number((word >> BigInt(8 * i)) & 0xffn));
}

export const NOP: Bytes = [0x90];
export const RET: Bytes = [0xc3];
/** xor %eax, %eax */
export const CLEAR_RAX: Bytes = [0x31, 0xc0];
export const UD2: Bytes = [0x0f, 0x0b];
export const INT3: Bytes = [0xcc];
/** xor %ecx, %ecx; div %ecx */
export const DIVIDE_BY_ZERO: Bytes = [0x31, 0xc9, 0xf7, 0xf1];
export const CPUID: Bytes = [0x31, 0xc0, 0x53, 0x0f, 0xa2, 0x5b, ...CLEAR_RAX];
export const RDTSC: Bytes = [0x0f, 0x31, ...CLEAR_RAX];

/** movl $value, address */
export function store4(address: number, value: number): Bytes {
  return [0xc7, 0x04, 0x25, ...little(address, 4), ...little(value, 4)];
}

/** movq $value, address; the value is sign-extended from 32 bits. */
export function store8(address: number, value: number): Bytes {
  return [0x48, ...store4(address, value)];
}

/** movq address, %rcx */
export function load8(address: number): Bytes {
  return [0x48, 0x8b, 0x0c, 0x25, ...little(address, 4)];
}

/** mov $address, %rcx; mov (%rcx), %rcx */
export function loadAt(address: bigint): Bytes {
  return [0x48, 0xb9, ...little(address, 8), 0x48, 0x8b, 0x09];
}

/** gettid; tkill(itself, signal) */
export function killItself(signal: number): Bytes {
  const moves = [0x89, 0xc7, 0xbe, ...little(signal, 4)];
  return [...systemCall(186), ...moves, 0xb8, ...little(200, 4), 0x0f, 0x05];
}

const ARGUMENT_MOVES: readonly Bytes[] = [
  [0x48, 0xbf],
  [0x48, 0xbe],
  [0x48, 0xba],
  [0x49, 0xba],
  [0x49, 0xb8],
  [0x49, 0xb9],
];

/** A system call; its result is left in rax. */
export function systemCall(number: number, ...args: readonly (number | bigint)[]): Bytes {
  const moves = args.flatMap((arg, i) => [...(ARGUMENT_MOVES[i] ?? []), ...little(arg, 8)]);
  return [...moves, 0xb8, ...little(number, 4), 0x0f, 0x05];
}

/** Sets GO and waits until DONE. */
export const AWAIT_HELPER: Bytes = [
  ...store4(GUEST.go, 1),
  0x83,
  0x3c,
  0x25,
  ...little(GUEST.done, 4),
  0,
  0x74,
  0xf6,
];

/** Keeps rax, or only whether it is zero, and returns `value`. */
export function leave(value: number, keeps: 'rax' | 'zero'): Bytes {
  const saved =
    keeps === 'rax'
      ? [0x48, 0x89, 0x04, 0x25, ...little(GUEST.result, 4)]
      : [0x48, 0x85, 0xc0, 0x0f, 0x94, 0x04, 0x25, ...little(GUEST.result, 4)];
  return [...saved, 0xb8, ...little(value, 4), ...RET];
}

/** call or jmp, from the instruction's address. */
export function branch(kind: 'call' | 'jump', from: number, to: number): Bytes {
  return [kind === 'call' ? 0xe8 : 0xe9, ...little(to - (from + 5), 4)];
}

export function toHex(bytes: Bytes): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
