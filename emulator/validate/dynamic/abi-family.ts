import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import type { AbiFamily } from '../rules/rule.ts';

/** Profiles before the merge, by name; all others are Linux 4.18 and later, or broken on purpose. */
const HISTORICAL: Readonly<Record<string, AbiFamily>> = {
  'turner-v1': 'other',
  'turner-v2': 'other',
  'getcpu-cache': 'other',
  'thread-local-abi': 'other',
  'lutomirski-2016': 'other',
  'desnoyers-2016a': 'other',
  'desnoyers-2016b': 'desnoyers-2016b',
  'rfc-2017': 'rfc-2017',
};

/** The family of a kernel's rseq ABI, as rules tell them apart. */
export function familyOf({ name }: KernelProfile): AbiFamily {
  return HISTORICAL[name] ?? 'mainline';
}
