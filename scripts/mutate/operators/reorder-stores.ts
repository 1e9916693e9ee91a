import type { Edit, Operator } from '../operator.ts';

/** A store and its neighbour exchanged, where no branch comes between or leads there. */
export const REORDER_STORES: Operator = {
  description: 'a store exchanged with its neighbour',
  edits: ({ code }) => {
    const targets = new Set(code.map(({ target }) => target));
    return code.flatMap((second, i): Edit[] => {
      const first = code[i - 1];
      if (first === undefined || !(first.stores || second.stores)) return [];
      if (first.flow !== 'next' || second.flow !== 'next') return [];
      if (first.isRelative || second.isRelative || targets.has(second.address)) return [];
      const bytes = new Uint8Array([...second.bytes, ...first.bytes]);
      const description = 'exchanged with the next instruction';
      return [
        { address: first.address, description, patches: [{ address: first.address, bytes }] },
      ];
    });
  },
};
