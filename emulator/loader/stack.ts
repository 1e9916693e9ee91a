import {
  AT,
  AUXV_RANDOM_BYTES,
  CLOCK_TICKS_PER_SECOND,
  GUEST_USER_ID,
} from '../../kernel-model/abi/auxv.ts';
import { assert } from '../../kernel-model/assert.ts';
import { type GuestAddress, guestAddress, PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import { UserError } from '../errors.ts';
import type { ProgramImage } from './image.ts';

const WORD_BYTES = 8;
const STACK_ALIGNMENT_BYTES = 16;
/** MAX_ARG_STRLEN of include/uapi/linux/binfmts.h, terminator included. */
const STRING_LIMIT_BYTES = 32 * PAGE_SIZE;
/** A quarter of the usual stack limit of 8 MiB: fs/exec.c, bprm_stack_limits(). */
const ARGUMENTS_LIMIT_BYTES = 2 * 2 ** 20;

/** What the stack itself holds and the auxiliary vector points to. */
export type StackItem = 'random-bytes' | 'exec-file-name' | 'platform';

export interface AuxEntry {
  /** One of AT. */
  readonly type: number;
  /** A value, or the address of an item that gets its place when the stack is built. */
  readonly value: bigint | StackItem;
}

export interface AuxvOptions {
  readonly image: Pick<ProgramImage, 'entry' | 'programHeaders'>;
  /** AT_HWCAP: edx of cpuid leaf 1. */
  readonly hwcap: number;
  /** AT_HWCAP2: HWCAP2_* bits of arch/x86/include/uapi/asm/hwcap2.h. */
  readonly hwcap2: number;
  /** AT_MINSIGSTKSZ: the size of a signal frame in bytes. */
  readonly minimumSignalStackBytes: number;
  /** AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN in bytes; left out for kernels before 6.3. */
  readonly rseq?: { readonly featureSizeBytes: number; readonly alignBytes: number } | undefined;
}

/**
 * The auxiliary vector in the order of create_elf_tables() (fs/binfmt_elf.c), without its AT_NULL.
 * There is no AT_SYSINFO_EHDR, as there is no vdso. Flat images have an empty program header table.
 */
export function buildAuxv(options: AuxvOptions): AuxEntry[] {
  const { image, rseq } = options;
  const headers = image.programHeaders ?? { address: 0, entrySize: 56, count: 0 };
  const entry = (type: number, value: number): AuxEntry => ({ type, value: BigInt(value) });
  const auxv: AuxEntry[] = [
    entry(AT.MINSIGSTKSZ, options.minimumSignalStackBytes),
    entry(AT.HWCAP, options.hwcap >>> 0),
    entry(AT.PAGESZ, PAGE_SIZE),
    entry(AT.CLKTCK, CLOCK_TICKS_PER_SECOND),
    entry(AT.PHDR, headers.address),
    entry(AT.PHENT, headers.entrySize),
    entry(AT.PHNUM, headers.count),
    entry(AT.BASE, 0),
    entry(AT.FLAGS, 0),
    entry(AT.ENTRY, image.entry),
    entry(AT.UID, GUEST_USER_ID),
    entry(AT.EUID, GUEST_USER_ID),
    entry(AT.GID, GUEST_USER_ID),
    entry(AT.EGID, GUEST_USER_ID),
    entry(AT.SECURE, 0),
    { type: AT.RANDOM, value: 'random-bytes' },
    entry(AT.HWCAP2, options.hwcap2),
    { type: AT.EXECFN, value: 'exec-file-name' },
    { type: AT.PLATFORM, value: 'platform' },
  ];
  if (rseq !== undefined) {
    auxv.push(
      entry(AT.RSEQ_FEATURE_SIZE, rseq.featureSizeBytes),
      entry(AT.RSEQ_ALIGN, rseq.alignBytes),
    );
  }
  return auxv;
}

export interface StackOptions {
  /** The end of the stack's mapping, exclusive; a multiple of the page size. */
  readonly stackTop: number;
  readonly argv: readonly string[];
  /** `NAME=value` each. */
  readonly envp: readonly string[];
  readonly auxv: readonly AuxEntry[];
  /** 16 bytes for AT_RANDOM. */
  readonly randomBytes: Uint8Array;
  readonly platform: string;
  /** AT_EXECFN. */
  readonly execFileName: string;
}

/** The bytes of a new program's stack from its stack pointer up to the end of the mapping. */
export interface InitialStack {
  /** rsp at the entry: where argc is; 16-byte aligned. */
  readonly stackPointer: GuestAddress;
  /** Where `bytes` belong: the stack pointer. */
  readonly address: GuestAddress;
  readonly bytes: Uint8Array;
}

/**
 * Lays the stack out as Linux does without randomisation. From the end downwards: a null word, the file
 * name, the environment's and the arguments' strings (fs/exec.c), then 16-byte aligned the platform
 * name and the random bytes, the auxiliary vector, envp, argv and argc (create_elf_tables()).
 * @throws UserError `arguments-unusable` where execve(2) says E2BIG, or for a string with a null byte.
 */
export function buildInitialStack(options: StackOptions): InitialStack {
  const { stackTop, randomBytes, auxv } = options;
  assert(stackTop % PAGE_SIZE === 0, 'the end of the stack is a page boundary');
  assert(randomBytes.length === AUXV_RANDOM_BYTES, `AT_RANDOM takes ${AUXV_RANDOM_BYTES} bytes`);
  const argv = options.argv.map(encodeString);
  const envp = options.envp.map(encodeString);
  checkSize([...argv, ...envp]);

  const fileName = place(stackTop - WORD_BYTES, [encodeString(options.execFileName)]);
  const environment = place(fileName.start, envp);
  const parameters = place(environment.start, argv);
  const platform = place(alignDown(parameters.start), [encodeString(options.platform)]);
  const random = place(platform.start, [randomBytes]);
  const items: Record<StackItem, number> = {
    'random-bytes': random.start,
    'exec-file-name': fileName.start,
    platform: platform.start,
  };
  const words = [
    argv.length,
    ...parameters.addresses,
    0,
    ...environment.addresses,
    0,
    ...auxv.flatMap(({ type, value }) => [type, typeof value === 'bigint' ? value : items[value]]),
    AT.NULL,
    0n,
  ];
  const stackPointer = guestAddress(alignDown(random.start - words.length * WORD_BYTES));

  const bytes = new Uint8Array(stackTop - stackPointer);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setBigUint64(index * WORD_BYTES, BigInt(word), true);
  });
  for (const { parts, addresses } of [fileName, environment, parameters, platform, random]) {
    parts.forEach((part, index) => {
      bytes.set(part, (addresses[index] ?? 0) - stackPointer);
    });
  }
  return { stackPointer, address: stackPointer, bytes };
}

interface Placed {
  readonly start: number;
  readonly parts: readonly Uint8Array[];
  readonly addresses: readonly number[];
}

/** Puts parts one behind the other so that the last ends at `end`. */
function place(end: number, parts: readonly Uint8Array[]): Placed {
  const start = end - parts.reduce((sum, part) => sum + part.length, 0);
  let next = start;
  const addresses = parts.map((part) => {
    const address = next;
    next += part.length;
    return address;
  });
  return { start, parts, addresses };
}

function alignDown(address: number): number {
  return address - (address % STACK_ALIGNMENT_BYTES);
}

const encoder = new TextEncoder();

function encodeString(text: string): Uint8Array {
  if (text.includes('\0')) {
    throw new UserError('arguments-unusable', 'an argument or variable contains a null byte');
  }
  return encoder.encode(`${text}\0`);
}

function checkSize(strings: readonly Uint8Array[]): void {
  const total = strings.reduce((sum, { length }) => sum + length + WORD_BYTES, 0);
  if (total > ARGUMENTS_LIMIT_BYTES || strings.some(({ length }) => length > STRING_LIMIT_BYTES)) {
    throw new UserError('arguments-unusable', 'arguments and environment are too long');
  }
}
