import type { Operator, Patch } from '../operator.ts';

const SIGNATURE_BYTES = 4;

/** One bit of the signature before the abort handler is wrong, or all of it. */
export const WRONG_SIGNATURE: Operator = {
  description: 'another word than the signature before the abort handler',
  edits: ({ abort }, { bytes, image }) => {
    const address = abort - SIGNATURE_BYTES;
    const at = address - image.entry;
    const changed = (change: (byte: number, i: number) => number): Patch[] => [
      { address, bytes: bytes.slice(at, at + SIGNATURE_BYTES).map(change) },
    ];
    return [
      {
        address,
        description: 'one bit of the signature wrong',
        patches: changed((byte, i) => (i === 0 ? byte ^ 1 : byte)),
      },
      { address, description: 'signature zero', patches: changed(() => 0) },
    ];
  },
};
