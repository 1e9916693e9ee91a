import { deflateRawSync } from 'node:zlib';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { decisionToString } from './decisions.ts';
import type { Outcome } from './outcome.ts';

export const SCHEDULE_SCHEMA = { name: 'rseq-testbed/schedule', version: 1 } as const;

/** A recorded run: everything that `replay` needs to do it again and to see that it is the same. */
export interface Schedule {
  readonly schema: typeof SCHEDULE_SCHEMA;
  readonly guest: {
    readonly path: string;
    readonly sha256: string;
    readonly args: readonly string[];
    readonly env: readonly string[];
  };
  readonly engine: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly seed: number;
  readonly tick: number;
  readonly maxInstructions: number;
  readonly memoryModel: 'SC';
  readonly decisions: readonly Decision[];
  readonly outcome: Outcome;
  readonly instructions: number;
  readonly stateHash: string;
}

/** The JSON text of a schedule; decisions are one string of words such as `s0:1 r0:143`. */
export function formatSchedule(schedule: Schedule): string {
  return `${toJson(schedule, 2)}\n`;
}

function toJson(schedule: Schedule, indent?: number): string {
  const decisions = schedule.decisions.map(decisionToString).join(' ');
  return JSON.stringify({ ...schedule, decisions }, null, indent);
}

/** Begins every word of `printSchedule`. */
export const PRINTABLE_PREFIX = 'rseq1:';

/** The whole schedule as one word, to paste into a command line or a bug report. */
export function printSchedule(schedule: Schedule): string {
  const packed = deflateRawSync(toJson(schedule), { level: 9 });
  return PRINTABLE_PREFIX + packed.toString('base64url');
}

/** True for a word that looks like one of `printSchedule`. */
export function isPrintedSchedule(word: string): boolean {
  return word.startsWith(PRINTABLE_PREFIX);
}
