import { type Operator, word } from '../operator.ts';
import { DESCRIPTOR, type Section } from '../subject.ts';

/** start_ip one instruction early or late; the end stays where it is. */
export const SHIFT_START: Operator = {
  description: 'start_ip one instruction off',
  edits: (section) => [
    ...(section.arm === undefined ? [] : [moved(section, section.arm.address, 'early')]),
    ...(section.code[1] === undefined ? [] : [moved(section, section.code[1].address, 'late')]),
  ],
};

function moved({ descriptor, start, end }: Section, to: number, how: string) {
  return {
    address: start,
    description: `start_ip one instruction ${how}`,
    patches: [
      word(descriptor + DESCRIPTOR.start, to),
      word(descriptor + DESCRIPTOR.length, end - to),
    ],
  };
}
