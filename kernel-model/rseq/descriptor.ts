import { RSEQ_CS, RSEQ_SIGNATURE_BYTES } from '../abi/rseq.ts';
import { TASK_SIZE, TASK_SIZE_WORD } from '../hardware/address.ts';
import { toNumber, type UserMemory } from '../mm/user-memory.ts';
import type { ArmedRegion } from './variant.ts';

/** Where the fields are in 32-bit words. */
const WORD = {
  version: RSEQ_CS.version / 4,
  flags: RSEQ_CS.flags / 4,
  startIp: RSEQ_CS.startIp / 4,
  postCommitOffset: RSEQ_CS.postCommitOffset / 4,
  abortIp: RSEQ_CS.abortIp / 4,
} as const;

/** One more than the largest 64-bit word. */
const WORD_SPAN = 2n ** 64n;
const ABORT_LIMIT = TASK_SIZE_WORD + BigInt(RSEQ_SIGNATURE_BYTES);

/** The words of struct rseq_cs that say where a section lies, raw. */
export interface SectionWords {
  readonly startIp: bigint;
  readonly postCommitOffset: bigint;
  readonly abortIp: bigint;
}

/** struct rseq_cs as read from user memory: raw words, nothing checked. */
export interface SectionDescriptor extends SectionWords {
  readonly address: bigint;
  readonly version: number;
  readonly flags: number;
}

/**
 * What a kernel makes of a section that does not lie in user memory with all that belongs to it:
 * 'strict' refuses it, 'loose' applies its range test and no other.
 */
export type RegionBounds = 'strict' | 'loose';

/** Reads where a section lies; `undefined` if any of the words faults. */
export function readSectionWords(memory: UserMemory, address: number): SectionWords | undefined {
  const startIp = memory.readU64(address + RSEQ_CS.startIp);
  const postCommitOffset = memory.readU64(address + RSEQ_CS.postCommitOffset);
  const abortIp = memory.readU64(address + RSEQ_CS.abortIp);
  if (startIp === undefined || postCommitOffset === undefined) return undefined;
  return abortIp === undefined ? undefined : { startIp, postCommitOffset, abortIp };
}

/** Copies a descriptor from user memory (copy_from_user); `undefined` if any byte faults. */
export function readDescriptor(memory: UserMemory, pointer: bigint): SectionDescriptor | undefined {
  if (pointer >= TASK_SIZE_WORD) return undefined;
  const address = Number(pointer);
  const version = memory.readU32(address + RSEQ_CS.version);
  const flags = memory.readU32(address + RSEQ_CS.flags);
  const words = readSectionWords(memory, address);
  if (version === undefined || flags === undefined || words === undefined) return undefined;
  return { address: pointer, version, flags, ...words };
}

/**
 * The armed region, if nothing about its descriptor is unusual: aligned, with flags and version zero,
 * and free of defects (findDescriptorDefect). `undefined` says nothing: take the long way then, which
 * has the kernel's checks in the kernel's order and in 64 bits. This one makes no bigint.
 */
export function readSoundRegion(
  memory: UserMemory,
  address: number,
  signature: number,
): ArmedRegion | undefined {
  if ((address & (RSEQ_CS.size - 1)) !== 0) return undefined;
  const at = memory.readableBlock(address, RSEQ_CS.size);
  if (at < 0) return undefined;
  const { words } = memory;
  if (words[at + WORD.version] !== 0 || words[at + WORD.flags] !== 0) return undefined;
  const start = toNumber(words, at + WORD.startIp);
  const end = start + toNumber(words, at + WORD.postCommitOffset);
  const abort = toNumber(words, at + WORD.abortIp);
  // Doubles are exact below TASK_SIZE, and rounding never brings a larger word below it.
  if (end >= TASK_SIZE || abort >= TASK_SIZE) return undefined;
  if (abort >= start && abort < end) return undefined;
  if (abort < RSEQ_SIGNATURE_BYTES) return undefined;
  if (memory.readU32(abort - RSEQ_SIGNATURE_BYTES) !== signature) return undefined;
  return { source: address, start, end, abort };
}

/** in_rseq_cs: ip - start_ip < post_commit_offset in wrapping unsigned 64-bit arithmetic. */
export function isInside(words: SectionWords, ip: bigint): boolean {
  return BigInt.asUintN(64, ip - words.startIp) < words.postCommitOffset;
}

/**
 * The checks of rseq_get_rseq_cs up to 6.18, made before it is known whether the task is inside.
 * Returns why the descriptor is fatal, `undefined` if it is not.
 */
export function findDescriptorDefect(
  memory: UserMemory,
  descriptor: SectionDescriptor,
  signature: number,
): string | undefined {
  const { startIp, postCommitOffset, abortIp, version } = descriptor;
  const end = BigInt.asUintN(64, startIp + postCommitOffset);
  if (startIp >= TASK_SIZE_WORD) return 'start_ip is not a user address';
  if (end >= TASK_SIZE_WORD) return 'the end of the section is not a user address';
  if (abortIp >= TASK_SIZE_WORD) return 'abort_ip is not a user address';
  if (version > 0) return `descriptor version ${version}`;
  if (end < startIp) return 'start_ip plus post_commit_offset wraps';
  if (isInside(descriptor, abortIp)) return 'abort_ip lies inside the section';
  const found = readSignature(memory, abortIp);
  if (found === undefined) return 'the signature before abort_ip is not readable';
  if (found !== signature) {
    return `the signature before abort_ip is 0x${found.toString(16)}, not 0x${signature.toString(16)}`;
  }
  return undefined;
}

function readSignature(memory: UserMemory, abortIp: bigint): number | undefined {
  const address = BigInt.asUintN(64, abortIp - BigInt(RSEQ_SIGNATURE_BYTES));
  return address < TASK_SIZE_WORD ? memory.readU32(Number(address)) : undefined;
}

/**
 * The region as the rest of the testbed sees it; `undefined` if a strict kernel refuses it, or if it
 * holds no user address. One that wraps around is in two pieces, of which this is the smallest cover.
 */
export function toRegion(
  source: number,
  words: SectionWords,
  bounds: RegionBounds,
): ArmedRegion | undefined {
  const { startIp, postCommitOffset, abortIp } = words;
  const end = startIp + postCommitOffset;
  if (end < TASK_SIZE_WORD && abortIp < TASK_SIZE_WORD) {
    return { source, start: Number(startIp), end: Number(end), abort: Number(abortIp) };
  }
  if (bounds === 'strict') return undefined;
  const endsBeyond = end > WORD_SPAN ? end - WORD_SPAN : 0n;
  const hasStart = startIp < TASK_SIZE_WORD;
  if (!hasStart && endsBeyond === 0n) return undefined;
  const beginsInside = hasStart && endsBeyond === 0n;
  const last = hasStart ? end : endsBeyond;
  return {
    source,
    start: beginsInside ? Number(startIp) : undefined,
    end: last < TASK_SIZE_WORD ? Number(last) : TASK_SIZE,
    // Further up no signature can lie before it.
    abort: abortIp < ABORT_LIMIT ? Number(abortIp) : undefined,
  };
}
