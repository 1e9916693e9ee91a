import { layoutOf } from '../descriptor-layout.ts';
import type { StaticCheck } from './check.ts';

/** Descriptors outside of all memory never become sections: find-sections.ts reports those. */
export const checkR2: StaticCheck = function* ({ descriptor }, { family }) {
  const { alignmentBytes } = layoutOf(family);
  if (descriptor % alignmentBytes !== 0) {
    yield {
      address: descriptor,
      message: `the descriptor is not aligned to ${alignmentBytes} bytes`,
    };
  }
};
