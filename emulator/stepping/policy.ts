import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';
import type { ProgramImage } from '../loader/image.ts';

/** The task that is stepped, as a policy sees it: it can move on, and it can be stopped. */
export interface SteppedTask {
  readonly instructionPointer: number;
  /** The address behind the next instruction, where it is not a jump. */
  readonly nextInstruction: number;
  /** The region that is armed and holds the instruction pointer, whatever the ABI. */
  insideOf(): ArmedRegion | undefined;
  /** Code bytes at an address; `undefined` where they cannot be read. */
  code(address: number, lengthBytes: number): Uint8Array | undefined;
  /** Retires one instruction without a stop; false once the task, or the run, has ended. */
  retire(): boolean;
  /**
   * The stop it is in was one of ptrace: the task left its vCPU, and is now dispatched again. The kernel
   * may send it to an abort handler: true if it did.
   */
  reschedule(): boolean;
}

/** Most instructions that one step may retire; a section that runs longer is stopped within. */
export const STEP_LIMIT_INSTRUCTIONS = 100_000;

/**
 * How a task is stepped. One object serves one stepped task. A step retires at least one instruction
 * unless the task has ended or was aborted, and at most STEP_LIMIT_INSTRUCTIONS.
 */
export interface StepPolicy {
  /** What is wrong with the tables that it goes by, one line each. */
  readonly warnings?: readonly string[];
  step(task: SteppedTask): void;
}

/** One way of stepping, as `--step-policy` names it. */
export interface StepPolicyKind {
  /** One line for --help. */
  readonly summary: string;
  /** @throws UserError if the program lacks what the policy goes by. */
  make(image: ProgramImage): StepPolicy;
}

/** Retires instructions until `isOut` says so of the instruction pointer. */
export function runUntil(task: SteppedTask, isOut: (address: number) => boolean): void {
  for (let retired = 0; retired < STEP_LIMIT_INSTRUCTIONS; retired++) {
    if (!task.retire() || isOut(task.instructionPointer)) return;
  }
}
