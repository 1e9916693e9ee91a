import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R17: Rule = {
  id: 'R17',
  name: 'entered-at-start',
  title: 'A section is entered only at start_ip',
  severity: { static: 'error', dynamic: 'error' },
  rationale:
    'A branch from outside into its middle runs code that nobody armed, or that is armed ' +
    'for something else.',
  fix: 'Enter through the arming store and start_ip.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
};
