import type { Severity } from '../../rules/rule.ts';
import type { CheckedProgram } from '../checked-program.ts';
import type { CriticalSection } from '../critical-section.ts';

/** What a check has found in a section. */
export interface Problem {
  /** Of the offending instruction or word. */
  readonly address: number;
  /** One line. */
  readonly message: string;
  /** Where it is milder than the rule. */
  readonly severity?: Severity;
}

/**
 * The static side of a rule, for one section. It must be sure of what it says: code that is only unusual
 * is no problem.
 */
export type StaticCheck = (section: CriticalSection, program: CheckedProgram) => Iterable<Problem>;
