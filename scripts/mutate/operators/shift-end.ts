import { type Operator, word } from '../operator.ts';
import { DESCRIPTOR, type Section } from '../subject.ts';

/** The post-commit address one instruction early, before the commit, or late. */
export const SHIFT_END: Operator = {
  description: 'post-commit address one instruction off',
  edits: (section) => {
    const last = section.code.at(-1);
    const { next } = section;
    return [
      ...(last === undefined ? [] : [moved(section, last.address, 'early')]),
      ...(next === undefined ? [] : [moved(section, next.address + next.bytes.length, 'late')]),
    ];
  },
};

function moved({ descriptor, start, end }: Section, to: number, how: string) {
  return {
    address: end,
    description: `post-commit address one instruction ${how}`,
    patches: [word(descriptor + DESCRIPTOR.length, to - start)],
  };
}
