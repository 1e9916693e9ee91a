import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R24: Rule = {
  id: 'R24',
  name: 'no-trap',
  title: 'There is no breakpoint or trapping instruction inside a section',
  severity: { static: 'warning', dynamic: 'warning' },
  rationale:
    'The trap is a signal, which aborts the section; its frame shows abort_ip instead of ' +
    'the place, and the retry traps again without end.',
  fix: 'Test before the section; trap outside.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
  accepted: 'Bytes that trap (ud1) in front of an abort handler, where they are never executed.',
};
