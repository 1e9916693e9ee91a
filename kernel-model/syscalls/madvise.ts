import { MADV } from '../abi/mman.ts';
import { PAGE_SIZE, TASK_SIZE } from '../hardware/address.ts';
import type { Mapping } from '../mm/mapping.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
} from './context.ts';
import { parameters } from './parameters.ts';

const PAGE_SIZE_WORD = BigInt(PAGE_SIZE);

/** Advice that a program cannot tell from being ignored. MADV_FREE need not drop pages. */
const WITHOUT_EFFECT: ReadonlySet<number> = new Set([
  MADV.NORMAL,
  MADV.RANDOM,
  MADV.SEQUENTIAL,
  MADV.WILLNEED,
  MADV.FREE,
  MADV.DOFORK,
  MADV.MERGEABLE,
  MADV.UNMERGEABLE,
  MADV.HUGEPAGE,
  MADV.NOHUGEPAGE,
  MADV.DONTDUMP,
  MADV.DODUMP,
  MADV.KEEPONFORK,
  MADV.COLD,
  MADV.PAGEOUT,
]);

const KNOWN: ReadonlySet<number> = new Set(Object.values(MADV));

/** Mirrors do_madvise (mm/madvise.c): a hole gives ENOMEM, after the rest was done. */
function sysMadvise({ memory }: SyscallContext, args: SyscallArguments): SyscallResult {
  const [start, length] = args;
  const advice = toInt32(args[2]);
  if (!KNOWN.has(advice) || start % PAGE_SIZE_WORD !== 0n) return fails('EINVAL');
  const alignedLength = BigInt.asUintN(64, (length + PAGE_SIZE_WORD - 1n) & -PAGE_SIZE_WORD);
  if (length !== 0n && alignedLength === 0n) return fails('EINVAL');
  const endWord = BigInt.asUintN(64, start + alignedLength);
  if (endWord < start) return fails('EINVAL');
  if (endWord === start) return returns(0);
  const { space } = memory;
  const end = Math.min(TASK_SIZE, Number(endWord));
  const pieces = cut(space.mappings, Number(start), end);
  if (advice === MADV.DONTNEED) {
    if (!pieces.every(isDroppable)) {
      return { kind: 'unsupported', detail: "MADV_DONTNEED on a program's own image" };
    }
    // Mapping a piece anew gives its pages back; the pages of shared memory outlive the advice.
    for (const piece of pieces) if (!piece.shared) space.map(piece);
  } else if (!WITHOUT_EFFECT.has(advice)) {
    return { kind: 'unsupported', detail: `advice ${advice}` };
  } else if (advice === MADV.FREE && !pieces.every(isFreeable)) {
    return fails('EINVAL');
  }
  const coveredBytes = pieces.reduce((sum, piece) => sum + (piece.end - piece.start), 0);
  return BigInt(coveredBytes) < alignedLength ? fails('ENOMEM') : returns(0);
}

/** What of the mappings lies in [start, end). */
function cut(mappings: readonly Mapping[], start: number, end: number): Mapping[] {
  return mappings
    .filter((mapping) => mapping.end > start && mapping.start < end)
    .map((mapping) => ({
      ...mapping,
      start: Math.max(mapping.start, start),
      end: Math.min(mapping.end, end),
    }));
}

function isDroppable(mapping: Mapping): boolean {
  return mapping.shared || mapping.isImage !== true;
}

function isFreeable(mapping: Mapping): boolean {
  return !mapping.shared && mapping.isImage !== true;
}

export const madvise: SyscallEntry = {
  name: 'madvise',
  parameters: parameters({ start: 'pointer', len: 'size', advice: 'int' }),
  support: 'partial',
  note: 'MADV_DONTNEED on anonymous memory; advice without visible effect does nothing',
  handler: sysMadvise,
};
