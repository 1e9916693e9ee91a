import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { CODE, CODE_END, TOP } from '../../kernel-model/rseq/arena.ts';
import {
  SECTION_CAUSES,
  type SectionCause,
  toSteps,
} from '../../kernel-model/rseq/section-case.ts';
import {
  changeSection,
  DESCRIPTOR_CLASSES,
  drawPlainSection,
  type PlainSection,
} from './descriptor-classes.ts';
import { Draw } from './draw.ts';
import type { JudgeCase } from './judge-case.ts';

/** Positions by what a section of the arena's code makes of them. */
const POSITIONS: Readonly<Record<string, (section: Range, draw: Draw) => bigint>> = {
  'the first byte': ({ start }) => start,
  'the second byte': ({ start }) => start + 1n,
  'any byte inside': ({ start, end }, draw) => draw.big(start, end > start ? end - 1n : start),
  'the last byte': ({ end }) => end - 1n,
  'before start_ip': ({ start }) => start - 1n,
  'the post-commit address': ({ end }) => end,
  'after the post-commit address': ({ end }) => end + 1n,
  abort_ip: ({ abort }) => abort,
  'far away': (_, draw) => BigInt(CODE_END - PAGE_SIZE + draw.int(64, 2048)),
  'the last page': () => BigInt(TOP),
};

interface Range {
  readonly start: bigint;
  readonly end: bigint;
  readonly abort: bigint;
}

/** Each class of descriptors at each position by each cause, `rounds` times with other addresses. */
export function descriptorCases(rounds: number): JudgeCase[] {
  const causes = Object.keys(SECTION_CAUSES) as SectionCause[];
  const cases: JudgeCase[] = [];
  const draw = new Draw(6);
  for (let round = 0; round < rounds; round++) {
    for (const [subject, change] of Object.entries(DESCRIPTOR_CLASSES)) {
      for (const cause of causes) {
        for (const [position, locate] of Object.entries(POSITIONS)) {
          const plain = drawPlainSection(draw);
          const section = changeSection(plain, change(draw, plain));
          const address = locate(rangeOf(section, plain), draw);
          if (!canRunAt(address, section)) continue;
          const steps = toSteps({ ...section, position: address }, cause);
          cases.push({ subject, cause, position, steps });
        }
      }
    }
  }
  return cases;
}

/** The section, or the plain one where it does not lie in code of the arena. */
function rangeOf({ descriptor }: PlainSection, plain: PlainSection): Range {
  const { start, offset, abort } = descriptor;
  if (isCode(start) && isCode(start + offset)) return { start, end: start + offset, abort };
  const nominal = plain.descriptor;
  return { start: nominal.start, end: nominal.start + nominal.offset, abort };
}

/** The arena's code is all `nop`, but for the signature. */
function canRunAt(address: bigint, { descriptor }: PlainSection): boolean {
  const isSignature = address >= descriptor.abort - 8n && address < descriptor.abort;
  return (isCode(address) || address === BigInt(TOP)) && !isSignature;
}

function isCode(address: bigint): boolean {
  return address >= BigInt(CODE) && address < BigInt(CODE_END);
}
