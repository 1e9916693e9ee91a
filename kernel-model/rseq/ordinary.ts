import { ORIG_RSEQ_SIZE, RSEQ_AREA } from '../abi/rseq.ts';
import { toNumber } from '../mm/user-memory.ts';
import { NODE_ID } from './area.ts';
import { readSoundRegion } from './descriptor.ts';
import { RESUMED, type ResumeOutcome, type RseqContext, type RseqRegistration } from './variant.ts';

/** Where the fields are in 32-bit words. */
const WORD = {
  cpuIdStart: RSEQ_AREA.cpuIdStart / 4,
  cpuId: RSEQ_AREA.cpuId / 4,
  rseqCs: RSEQ_AREA.rseqCs / 4,
  flags: RSEQ_AREA.flags / 4,
  nodeId: RSEQ_AREA.nodeId / 4,
  mmCid: RSEQ_AREA.mmCid / 4,
} as const;

/**
 * The fix-up and the ids of a kernel up to 6.18 where nothing is unusual: an aligned area that can be
 * written, no descriptor or a sound one, no flags. This is what nearly every switch comes to, and
 * takes one translation of the area instead of one for each access. `undefined` says that nothing was
 * done: take the long way then, which has the kernel's checks in the kernel's order.
 */
export function resumeOrdinarily(
  { task, memory, registers }: RseqContext,
  { address, signature }: RseqRegistration,
  hasNodeAndCid: boolean,
): ResumeOutcome | undefined {
  if ((address & (ORIG_RSEQ_SIZE - 1)) !== 0) return undefined;
  const area = memory.writableBlock(address);
  if (area < 0) return undefined;
  const { words } = memory;
  const pointer = toNumber(words, area + WORD.rseqCs);
  let outcome: ResumeOutcome = RESUMED;
  if (pointer !== 0) {
    const region = readSoundRegion(memory, pointer, signature);
    if (region === undefined) return undefined;
    const from = registers.instructionPointer;
    if (from >= (region.start ?? 0) && from < region.end) {
      if (words[area + WORD.flags] !== 0 || task.rseqEvents === 0) return undefined;
      task.rseqEvents = 0;
      registers.instructionPointer = region.abort ?? 0;
      outcome = { kind: 'aborted', region, from };
    }
  }
  words[area + WORD.rseqCs] = 0;
  words[area + WORD.rseqCs + 1] = 0;
  words[area + WORD.cpuIdStart] = task.vcpu;
  words[area + WORD.cpuId] = task.vcpu;
  if (hasNodeAndCid) {
    words[area + WORD.nodeId] = NODE_ID;
    words[area + WORD.mmCid] = task.mmCid;
  }
  memory.markWritten(area, ORIG_RSEQ_SIZE);
  return outcome;
}
