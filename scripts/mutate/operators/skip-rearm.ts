import { type Edit, nops, type Operator } from '../operator.ts';
import type { Section } from '../subject.ts';

const JMP_REL32 = 0xe9;
const JMP_REL32_BYTES = 5;

/** The section is not armed at all, or the abort handler goes back behind the arming store. */
export const SKIP_REARM: Operator = {
  description: 'the store to rseq_cs left out, or not done again after an abort',
  edits: (section) => [...unarmed(section), ...retriedBare(section)],
};

function unarmed({ arm }: Section): Edit[] {
  if (arm === undefined) return [];
  const patches = [nops(arm.address, arm.bytes.length)];
  return [{ address: arm.address, description: 'store to rseq_cs dropped', patches }];
}

function retriedBare({ handler, start, abort }: Section): Edit[] {
  if (handler?.bytes[0] !== JMP_REL32 || handler.bytes.length !== JMP_REL32_BYTES) return [];
  const bytes = new Uint8Array(JMP_REL32_BYTES);
  bytes[0] = JMP_REL32;
  new DataView(bytes.buffer).setInt32(1, start - (abort + JMP_REL32_BYTES), true);
  const description = 'abort handler goes to start_ip';
  return [{ address: abort, description, patches: [{ address: abort, bytes }] }];
}
