import type { Operator } from './operator.ts';
import { DROP_COMPARE } from './operators/drop-compare.ts';
import { REORDER_STORES } from './operators/reorder-stores.ts';
import { SHIFT_END } from './operators/shift-end.ts';
import { SHIFT_START } from './operators/shift-start.ts';
import { SKIP_REARM } from './operators/skip-rearm.ts';
import { WRONG_ABORT } from './operators/wrong-abort.ts';
import { WRONG_REGISTER } from './operators/wrong-register.ts';
import { WRONG_SIGNATURE } from './operators/wrong-signature.ts';

/** Every way in which guests are broken, by name. */
export const OPERATORS = {
  'shift-start': SHIFT_START,
  'shift-end': SHIFT_END,
  'drop-compare': DROP_COMPARE,
  'reorder-stores': REORDER_STORES,
  'skip-rearm': SKIP_REARM,
  'wrong-register': WRONG_REGISTER,
  'wrong-signature': WRONG_SIGNATURE,
  'wrong-abort': WRONG_ABORT,
} as const satisfies Record<string, Operator>;

export type OperatorName = keyof typeof OPERATORS;

export const OPERATOR_NAMES = Object.keys(OPERATORS) as OperatorName[];
