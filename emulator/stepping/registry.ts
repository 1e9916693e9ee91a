import { KEY } from './policies/key.ts';
import { KEY_AFTER_LOOP } from './policies/key-after-loop.ts';
import { LL_SC } from './policies/ll-sc.ts';
import { NATIVE } from './policies/native.ts';
import { TRANSPARENT } from './policies/transparent.ts';
import { WHOLE_SECTION } from './policies/whole-section.ts';
import type { StepPolicyKind } from './policy.ts';

/** Every way of stepping; the keys type `--step-policy`. */
export const STEP_POLICIES = {
  transparent: TRANSPARENT,
  'whole-section': WHOLE_SECTION,
  native: NATIVE,
  key: KEY,
  'key-after-loop': KEY_AFTER_LOOP,
  'll-sc': LL_SC,
} as const satisfies Record<string, StepPolicyKind>;

export type StepPolicyName = keyof typeof STEP_POLICIES;

export const STEP_POLICY_NAMES = Object.keys(STEP_POLICIES) as StepPolicyName[];
