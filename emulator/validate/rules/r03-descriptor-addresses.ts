import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R3: Rule = {
  id: 'R3',
  name: 'descriptor-addresses',
  title:
    'start_ip, post-commit and abort_ip are user addresses in code, and the section is not empty',
  severity: { static: 'error' },
  rationale:
    'Linux up to 6.18 kills the thread when an address is beyond user space or the end ' +
    'wraps. An offset of 0 is never inside: the section runs without any protection, and ' +
    'no kernel says so.',
  fix:
    'Take post_commit_offset as the difference of two labels of the same code section, in ' +
    'that order.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
  enforcedBy: 'Linux 4.18 to 6.18 (not the empty section)',
};
