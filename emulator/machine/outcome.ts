import { assertNever } from '../../kernel-model/assert.ts';
import { formatAddress } from '../../kernel-model/hardware/address.ts';
import { OutOfFramesError, type PhysicalMemory } from '../../kernel-model/mm/physical-memory.ts';
import type { ProcessEnding, Task, TaskState } from '../../kernel-model/task/task.ts';
import { ScheduleDivergence } from './strategy.ts';

/** How a run ended. Programs that end by themselves end with `exit` or `signal`. */
export type Outcome =
  | { readonly kind: 'exit'; readonly status: number }
  | {
      readonly kind: 'signal';
      readonly signal: number;
      readonly task: number;
      readonly address: number;
      /** Why the kernel sent it, where that is more than the signal's name. */
      readonly reason: string;
    }
  /** No task can run and no timer is armed. */
  | { readonly kind: 'deadlock'; readonly blocked: readonly BlockedTask[] }
  /** A task was aborted again and again in the section at this address and never got through. */
  | { readonly kind: 'livelock'; readonly task: number; readonly section: number }
  | { readonly kind: 'budget'; readonly instructions: number }
  /** It ended with success, but a validator reports an error: the first one, by its rule. */
  | {
      readonly kind: 'finding';
      readonly rule: string;
      readonly task: number;
      readonly address: number;
    }
  /** Something of ours is missing: not a verdict on the guest. */
  | { readonly kind: 'unsupported'; readonly what: string; readonly address: number }
  /** A replay met a situation that its recording does not fit. */
  | { readonly kind: 'diverged'; readonly detail: string };

export interface BlockedTask {
  readonly task: number;
  readonly waitsFor: string;
}

/** The tasks that cannot run, and why. */
export function blockedTasks(tasks: readonly Task[]): BlockedTask[] {
  return tasks.flatMap(({ id, state }) => {
    const waitsFor = whatFor(state);
    return waitsFor === undefined ? [] : [{ task: id, waitsFor }];
  });
}

/** How the first process ended; `reason` says why the kernel sent a signal, if that is known. */
export function outcomeOfEnding(ending: ProcessEnding, reason: string): Outcome {
  if (ending.kind === 'exit') return { kind: 'exit', status: ending.status };
  const { signal, task, instructionPointer: address } = ending;
  return { kind: 'signal', signal, task, address, reason };
}

/** The outcome of a run that has retired so many instructions, if that or its memory is too much. */
export function outcomeOfLimits(
  instructions: number,
  maxInstructions: number,
  memory: PhysicalMemory,
): Outcome | undefined {
  if (instructions >= maxInstructions) return { kind: 'budget', instructions };
  if (!memory.limitExceeded) return undefined;
  const what = `more than ${memory.touchedLimit} pages of memory (see --max-memory)`;
  return { kind: 'unsupported', what, address: 0 };
}

/** What a task that cannot run waits for; `undefined` for any other task. */
function whatFor(state: TaskState): string | undefined {
  if (state.kind === 'stopped') return 'SIGCONT';
  if (state.kind !== 'blocked') return undefined;
  const { wait } = state;
  switch (wait.kind) {
    case 'futex':
      return `the futex at ${formatAddress(wait.key.address)}`;
    case 'sleep':
      return 'time to pass';
    case 'pause':
      return 'a handler to run';
    case 'signal':
      return 'a signal';
    case 'child':
      return 'a child';
    case 'vfork':
      return 'a child that has its memory';
    default:
      return assertNever(wait);
  }
}

/** The outcome of a run that threw; throws what is a mistake of ours. */
export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof ScheduleDivergence) return { kind: 'diverged', detail: error.message };
  if (error instanceof OutOfFramesError) {
    return { kind: 'unsupported', what: error.message, address: 0 };
  }
  throw error;
}

const EXIT_FINDING = 122;
const EXIT_DEADLOCK = 123;
const EXIT_BUDGET = 124;
const EXIT_OURS = 125;
const SIGNAL_BASE = 128;

/** The exit status that reports an outcome, as a shell would see it of the guest. */
export function exitStatusOf(outcome: Outcome): number {
  switch (outcome.kind) {
    case 'exit':
      return outcome.status;
    case 'signal':
      return SIGNAL_BASE + outcome.signal;
    case 'finding':
      return EXIT_FINDING;
    case 'deadlock':
    case 'livelock':
      return EXIT_DEADLOCK;
    case 'budget':
      return EXIT_BUDGET;
    case 'unsupported':
    case 'diverged':
      return EXIT_OURS;
  }
}

/** True for a run that a correct program can have. */
export function isPass(outcome: Outcome): boolean {
  return outcome.kind === 'exit' && outcome.status === 0;
}
