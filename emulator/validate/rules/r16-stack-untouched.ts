import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R16: Rule = {
  id: 'R16',
  name: 'stack-untouched',
  title: 'A section leaves the stack pointer alone, and uses stack memory for scratch only',
  severity: { static: 'warning' },
  rationale:
    'The abort handler starts with the stack as it is at the interruption, so it must be ' +
    'as it was at start_ip. Signal frames are built below it.',
  fix: 'Use registers; push and pop outside the section.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
};
