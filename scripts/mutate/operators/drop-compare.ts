import { type Edit, nops, type Operator } from '../operator.ts';

/** A conditional branch of the section, with the comparison before it, is left out. */
export const DROP_COMPARE: Operator = {
  description: 'a comparison and its branch left out',
  edits: ({ code }) =>
    code.flatMap((branch, i): Edit[] => {
      if (branch.flow !== 'conditional') return [];
      const compare = code[i - 1];
      const patches = [nops(branch.address, branch.bytes.length)];
      if (compare?.flow === 'next' && !compare.stores) {
        patches.unshift(nops(compare.address, compare.bytes.length));
      }
      return [{ address: branch.address, description: 'comparison dropped', patches }];
    }),
};
