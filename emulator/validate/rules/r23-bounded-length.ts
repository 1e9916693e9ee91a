import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R23: Rule = {
  id: 'R23',
  name: 'bounded-length',
  title: 'A section is short, without a loop that has no bound',
  severity: { static: 'warning', dynamic: 'warning' },
  rationale:
    'A section that is longer than the time between two interruptions never gets through: ' +
    'each try is aborted.',
  fix: 'Move long work out of the section, bound its loops, and have a fallback after some aborts.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
  accepted: 'Loops whose counter runs to a bound.',
};
