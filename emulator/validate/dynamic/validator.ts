import type { Kernel } from '../../../kernel-model/kernel.ts';
import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import type { SyscallArguments, SyscallResult } from '../../../kernel-model/syscalls/context.ts';
import type { Task, TaskId } from '../../../kernel-model/task/task.ts';
import type { CpuException } from '../../engine/engine.ts';
import type { Outcome } from '../../machine/outcome.ts';
import type { RuleId } from '../rules/registry.ts';
import type { AbiFamily } from '../rules/rule.ts';
import type { BoundedRegion, KnownSection } from './known-sections.ts';
import type { CodeStore } from './section-code.ts';
import type { Attempt, Leftover, ValidationState } from './state.ts';

/** A store that retired. Valid only until the validator that is told of it returns. */
export interface WatchedStore {
  readonly task: Task;
  /** The region that the task had armed, if it holds the instruction. */
  readonly armed: ArmedRegion | undefined;
  /** The section whose instruction it is. */
  readonly section: KnownSection | undefined;
  /** That instruction, if it stores by an operand of its own. */
  readonly code: CodeStore | undefined;
  readonly address: number;
  readonly sizeBytes: number;
  /** Of the stored bytes, as an unsigned number; exact below 2^53. */
  readonly value: number;
  readonly instruction: number;
  /** Instructions retired in the task's slice, with this one. */
  readonly retired: number;
}

/** A `syscall` instruction. */
export interface Calling {
  readonly address: number;
  /** Instructions retired in the slice before it. */
  readonly retired: number;
  /** Whether the task was registered when it called. */
  readonly wasRegistered: boolean;
}

/** A system call that returned, or that the task waits in. */
export interface Call extends Calling {
  readonly task: Task;
  readonly name: string;
  readonly args: SyscallArguments;
  readonly result: SyscallResult;
}

/** What a validator has to say; the run adds severity, symbols and position. */
export interface Report {
  readonly rule: RuleId;
  readonly task: TaskId;
  readonly section?: BoundedRegion | undefined;
  /** Of the offending instruction. */
  readonly address: number;
  /** One line; asked for once for each place. */
  readonly message: () => string;
  readonly retired: number;
}

/** What validators may use of the run that they watch. */
export interface ValidatedRun {
  readonly kernel: Kernel;
  readonly family: AbiFamily;
  readonly state: ValidationState;
  /** Index in the schedule of the decision that is carried out. */
  readonly decision: number;
  /** The `syscall` instruction that was executed last. */
  readonly lastCall: Calling | undefined;
  /** The section that holds an instruction. */
  sectionAt(address: number): KnownSection | undefined;
  /** Asks to be told of stores that touch these bytes, by whatever instruction, from now on. */
  watch(address: number, sizeBytes: number): void;
  /** Asks the same for the ids in an rseq area. */
  watchIds(area: number): void;
  /** Whether a store that begins here may touch such ids. */
  mayHoldIds(address: number): boolean;
  /** Has a leftover watched and known. */
  leave(leftover: Leftover): void;
  /** An instruction for messages: `count_up+0x52 (mov %rax,(%rdx))`. */
  describe(task: TaskId, address: number): string;
  report(report: Report): void;
}

/**
 * Looks for violations of some rules in what happens in a run. Validators keep nothing themselves: what
 * they must remember is in the run's state. They never alarm on a program that the rules allow.
 */
export interface Validator {
  readonly rules: readonly RuleId[];
  /**
   * A store by an instruction of a section, or to what is watched. Commits of armed sections that were
   * entered at their start are left out where nobody else knows of the place.
   */
  readonly onStore?: (run: ValidatedRun, store: WatchedStore) => void;
  /** A task executes the first instruction of a section; `attempt` is its way through it. */
  readonly onStart?: (run: ValidatedRun, task: Task, attempt: Attempt) => void;
  /** An attempt that was armed was aborted, or left in another way than through the section's end. */
  readonly onFailed?: (
    run: ValidatedRun,
    task: Task,
    attempt: Attempt,
    cause: Leftover['cause'],
  ) => void;
  /** A slice ended inside a section; registers can be read. */
  readonly onPaused?: (run: ValidatedRun, task: Task, attempt: Attempt) => void;
  /** A `syscall` instruction is about to execute. */
  readonly onCalling?: (run: ValidatedRun, task: Task, address: number, retired: number) => void;
  readonly onCalled?: (run: ValidatedRun, call: Call) => void;
  readonly onTrap?: (
    run: ValidatedRun,
    task: Task,
    exception: CpuException,
    address: number,
    retired: number,
  ) => void;
  /** The run is over. */
  readonly onEnd?: (run: ValidatedRun, outcome: Outcome) => void;
}
