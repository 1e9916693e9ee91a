import type { Validator } from './validator.ts';
import { ARMED_WHILE_RUN } from './validators/armed-while-run.ts';
import { DESCRIPTOR_MEMORY } from './validators/descriptor-memory.ts';
import { EARLY_STORES } from './validators/early-stores.ts';
import { IDS_NOT_WRITTEN } from './validators/ids-not-written.ts';
import { LOST_UPDATES } from './validators/lost-updates.ts';
import { NO_SYSTEM_CALL } from './validators/no-system-call.ts';
import { NO_TRAP } from './validators/no-trap.ts';
import { ONE_REGISTRANT } from './validators/one-registrant.ts';
import { PROGRESS } from './validators/progress.ts';
import { REGISTERED_FIRST } from './validators/registered-first.ts';
import { SLICE_PROTOCOL } from './validators/slice-protocol.ts';

/** Every validator, by its name. */
export const VALIDATORS = {
  'armed-while-run': ARMED_WHILE_RUN,
  'registered-first': REGISTERED_FIRST,
  'early-stores': EARLY_STORES,
  'lost-updates': LOST_UPDATES,
  'ids-not-written': IDS_NOT_WRITTEN,
  'no-system-call': NO_SYSTEM_CALL,
  'no-trap': NO_TRAP,
  progress: PROGRESS,
  'descriptor-memory': DESCRIPTOR_MEMORY,
  'one-registrant': ONE_REGISTRANT,
  'slice-protocol': SLICE_PROTOCOL,
} as const satisfies Readonly<Record<string, Validator>>;
