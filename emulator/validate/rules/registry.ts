import { R1 } from './r01-descriptor-header.ts';
import { R2 } from './r02-descriptor-memory.ts';
import { R3 } from './r03-descriptor-addresses.ts';
import { R4 } from './r04-abort-outside.ts';
import { R5 } from './r05-abort-signature.ts';
import { R6 } from './r06-instruction-boundaries.ts';
import { R7 } from './r07-arming-store.ts';
import { R8 } from './r08-index-validated.ts';
import { R9 } from './r09-index-from-cpu-id-start.ts';
import { R10 } from './r10-commit-last.ts';
import { R11 } from './r11-commit-indivisible.ts';
import { R12 } from './r12-early-stores.ts';
import { R13 } from './r13-early-stores-not-read.ts';
import { R14 } from './r14-no-system-call.ts';
import { R15 } from './r15-no-call.ts';
import { R16 } from './r16-stack-untouched.ts';
import { R17 } from './r17-entered-at-start.ts';
import { R18 } from './r18-armed-while-run.ts';
import { R19 } from './r19-exits-listed.ts';
import { R20 } from './r20-no-nesting.ts';
import { R21 } from './r21-retry-rearms.ts';
import { R22 } from './r22-abort-from-anywhere.ts';
import { R23 } from './r23-bounded-length.ts';
import { R24 } from './r24-no-trap.ts';
import { R25 } from './r25-ids-not-written.ts';
import { R26 } from './r26-descriptors-listed.ts';
import { R27 } from './r27-no-effect-without-commit.ts';
import { R28 } from './r28-per-cpu-data-owned.ts';
import { R29 } from './r29-publish-with-release.ts';
import { R30 } from './r30-registered-first.ts';
import { R31 } from './r31-slice-protocol.ts';
import { R32 } from './r32-one-registrant.ts';
import type { Rule } from './rule.ts';

/** Every rule, by its id. */
export const RULES = {
  R1,
  R2,
  R3,
  R4,
  R5,
  R6,
  R7,
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15,
  R16,
  R17,
  R18,
  R19,
  R20,
  R21,
  R22,
  R23,
  R24,
  R25,
  R26,
  R27,
  R28,
  R29,
  R30,
  R31,
  R32,
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleId = keyof typeof RULES;

export const RULE_IDS = Object.keys(RULES) as RuleId[];
