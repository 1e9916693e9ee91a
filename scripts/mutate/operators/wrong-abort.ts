import { type Operator, word } from '../operator.ts';
import { DESCRIPTOR } from '../subject.ts';

/** abort_ip somewhere else: in the section, at its end, or one byte off. */
export const WRONG_ABORT: Operator = {
  description: 'abort_ip off',
  edits: ({ descriptor, start, end, abort }) =>
    [
      { to: start, where: 'at start_ip' },
      { to: end, where: 'at the post-commit address' },
      { to: abort + 1, where: 'one byte late' },
    ].map(({ to, where }) => ({
      address: descriptor,
      description: `abort_ip ${where}`,
      patches: [word(descriptor + DESCRIPTOR.abort, to)],
    })),
};
