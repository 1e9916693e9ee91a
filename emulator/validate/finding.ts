import type { RuleId } from './rules/registry.ts';
import type { Severity } from './rules/rule.ts';

/** The restartable section that a finding is about; addresses in guest memory. */
export interface FindingSection {
  /** Of its descriptor; absent in ABIs without one. */
  readonly descriptor?: number;
  readonly start: number;
  /** Post-commit: the first address past it. */
  readonly end: number;
  readonly abort?: number;
  /** `start` by symbol, as `count_up+0x1c`. */
  readonly name: string;
}

/** A line of the program's source, from its debug information. */
export interface SourceLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Where in a recorded run something happened. */
export interface FindingPosition {
  /** Index of the decision in the schedule. */
  readonly decision: number;
  /** Instructions retired in that decision's slice. */
  readonly instructions: number;
}

/** One violation of a rule, found in the machine code or in a run. */
export interface Finding {
  readonly rule: RuleId;
  readonly severity: Severity;
  /** Absent where it is about no section, such as a damaged table. */
  readonly section?: FindingSection;
  /** Of the offending instruction or word. */
  readonly address: number;
  /** `address` by symbol. */
  readonly symbol: string;
  readonly source?: SourceLine;
  /** One line, without the rule. */
  readonly message: string;
  /** The task that did it; of a run only. */
  readonly task?: number;
  readonly position?: FindingPosition;
}
