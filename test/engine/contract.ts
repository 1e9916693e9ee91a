import { faultChecks } from './contract-faults.ts';
import { logChecks } from './contract-log.ts';
import { runChecks } from './contract-run.ts';
import { stateChecks } from './contract-state.ts';
import { watchChecks } from './contract-watch.ts';
import type { Subject } from './rig.ts';

/** One promise of the Engine interface; `check` throws where a subject breaks it. */
export interface ContractCheck {
  readonly name: string;
  readonly check: (subject: Subject) => void;
}

/** What emulator/engine/engine.ts promises of every engine. */
export const contract: readonly ContractCheck[] = [
  ...runChecks,
  ...faultChecks,
  ...stateChecks,
  ...logChecks,
  ...watchChecks,
];
