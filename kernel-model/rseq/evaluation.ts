import { RSEQ_AREA, RSEQ_CS, RSEQ_SIGNATURE_BYTES } from '../abi/rseq.ts';
import { assert } from '../assert.ts';
import { TASK_SIZE_WORD } from '../hardware/address.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import { clearPointer, fatal } from './area.ts';
import {
  isInside,
  readSectionWords,
  readSoundRegion,
  type SectionWords,
  toRegion,
} from './descriptor.ts';
import {
  type ArmedRegion,
  RESUMED,
  type ResumeOutcome,
  type RseqContext,
  type RseqRegistration,
} from './variant.ts';

/**
 * rseq_update_user_cs of Linux 6.19 and later, and with `debug` rseq_debug_update_user_cs: a task
 * outside has its rseq_cs cleared, one inside goes to the abort handler. Without the debug option a task
 * outside is never refused, and of one inside only abort_ip and its signature are checked.
 */
export function evaluateSection(
  context: RseqContext,
  registration: RseqRegistration,
  debug: boolean,
): ResumeOutcome {
  const { task, memory, registers } = context;
  const cell = registration.address + RSEQ_AREA.rseqCs;
  if (memory.isZeroU64(cell)) return RESUMED;
  const ip = registers.instructionPointer;
  const sound = readSoundRegion(memory, memory.readU64AsNumber(cell), registration.signature);
  if (sound !== undefined) {
    if (ip < (sound.start ?? 0) || ip >= sound.end) return clearPointer(memory, cell);
    if (debug && task.entry === 'syscall') return fatal('a system call inside a section');
    return abortTo(context, cell, sound);
  }
  const pointer = memory.readU64(cell);
  if (pointer === undefined) return fatal('the rseq area is not readable');
  if (pointer >= TASK_SIZE_WORD) return fatal('rseq_cs is not a user address');
  const verdict = debug
    ? checkThoroughly(memory, Number(pointer), BigInt(ip), registration.signature)
    : checkBarely(memory, Number(pointer), BigInt(ip), registration.signature);
  if (verdict === 'outside') return clearPointer(memory, cell);
  if (typeof verdict === 'string') return fatal(verdict);
  if (debug && task.entry === 'syscall') return fatal('a system call inside a section');
  const region = toRegion(Number(pointer), verdict, 'loose');
  assert(region !== undefined, 'a section that a task is inside of is a region');
  return abortTo(context, cell, region);
}

function abortTo({ memory, registers }: RseqContext, cell: number, region: ArmedRegion) {
  const cleared = clearPointer(memory, cell);
  if (cleared.kind === 'fatal') return cleared;
  const from = registers.instructionPointer;
  registers.instructionPointer = region.abort ?? 0;
  return { kind: 'aborted', region, from } as const;
}

/** The words of a descriptor inside of which `ip` is, 'outside', or why it is refused. */
type Verdict = SectionWords | string;

function checkBarely(memory: UserMemory, at: number, ip: bigint, signature: number): Verdict {
  const words = readSectionWords(memory, at);
  if (words === undefined) return 'the descriptor is not readable';
  if (!isInside(words, ip)) return 'outside';
  return findHandlerDefect(memory, words.abortIp, signature) ?? words;
}

function checkThoroughly(memory: UserMemory, at: number, ip: bigint, signature: number): Verdict {
  const startIp = memory.readU64(at + RSEQ_CS.startIp);
  if (startIp === undefined) return 'the descriptor is not readable';
  if (startIp >= TASK_SIZE_WORD) return 'start_ip is not a user address';
  if (ip < startIp) return 'outside';
  const postCommitOffset = memory.readU64(at + RSEQ_CS.postCommitOffset);
  if (postCommitOffset === undefined) return 'the descriptor is not readable';
  const end = BigInt.asUintN(64, startIp + postCommitOffset);
  if (end >= TASK_SIZE_WORD || end < startIp) {
    return 'the end of the section is not a user address';
  }
  if (ip >= end) return 'outside';
  const abortIp = memory.readU64(at + RSEQ_CS.abortIp);
  const head = memory.readU64(at + RSEQ_CS.version);
  if (abortIp === undefined || head === undefined) return 'the descriptor is not readable';
  if (abortIp >= startIp && abortIp < end) return 'abort_ip lies inside the section';
  if (head !== 0n) return 'version or flags of the descriptor are not zero';
  return findHandlerDefect(memory, abortIp, signature) ?? { startIp, postCommitOffset, abortIp };
}

function findHandlerDefect(
  memory: UserMemory,
  abortIp: bigint,
  signature: number,
): string | undefined {
  if (abortIp >= TASK_SIZE_WORD || abortIp < BigInt(RSEQ_SIGNATURE_BYTES)) {
    return 'abort_ip is not a user address';
  }
  const found = memory.readU32(Number(abortIp) - RSEQ_SIGNATURE_BYTES);
  if (found === undefined) return 'the signature before abort_ip is not readable';
  if (found === signature) return undefined;
  return `the signature before abort_ip is 0x${found.toString(16)}, not 0x${signature.toString(16)}`;
}
