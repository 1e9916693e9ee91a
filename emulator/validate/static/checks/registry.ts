import type { RuleId } from '../../rules/registry.ts';
import type { StaticCheck } from './check.ts';
import { checkR1 } from './r01-descriptor-header.ts';
import { checkR2 } from './r02-descriptor-memory.ts';
import { checkR3 } from './r03-descriptor-addresses.ts';
import { checkR4 } from './r04-abort-outside.ts';
import { checkR5 } from './r05-abort-signature.ts';
import { checkR6 } from './r06-instruction-boundaries.ts';
import { checkR7 } from './r07-arming-store.ts';
import { checkR8 } from './r08-index-validated.ts';
import { checkR9 } from './r09-index-from-cpu-id-start.ts';
import { checkR10 } from './r10-commit-last.ts';
import { checkR11 } from './r11-commit-indivisible.ts';
import { checkR12 } from './r12-early-stores.ts';
import { checkR13 } from './r13-early-stores-not-read.ts';
import { checkR14 } from './r14-no-system-call.ts';
import { checkR15 } from './r15-no-call.ts';
import { checkR16 } from './r16-stack-untouched.ts';
import { checkR17 } from './r17-entered-at-start.ts';
import { checkR19 } from './r19-exits-listed.ts';
import { checkR20 } from './r20-no-nesting.ts';
import { checkR21 } from './r21-retry-rearms.ts';
import { checkR22 } from './r22-abort-from-anywhere.ts';
import { checkR23 } from './r23-bounded-length.ts';
import { checkR24 } from './r24-no-trap.ts';
import { checkR26 } from './r26-descriptors-listed.ts';
import { checkR29 } from './r29-publish-with-release.ts';

/** The static side of every rule that has one. */
export const STATIC_CHECKS: Readonly<Partial<Record<RuleId, StaticCheck>>> = {
  R1: checkR1,
  R2: checkR2,
  R3: checkR3,
  R4: checkR4,
  R5: checkR5,
  R6: checkR6,
  R7: checkR7,
  R8: checkR8,
  R9: checkR9,
  R10: checkR10,
  R11: checkR11,
  R12: checkR12,
  R13: checkR13,
  R14: checkR14,
  R15: checkR15,
  R16: checkR16,
  R17: checkR17,
  R19: checkR19,
  R20: checkR20,
  R21: checkR21,
  R22: checkR22,
  R23: checkR23,
  R24: checkR24,
  R26: checkR26,
  R29: checkR29,
};
