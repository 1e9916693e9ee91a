import { assertNever } from '../../../kernel-model/assert.ts';

/** How long whoever interrupts goes on before the interrupted task is back. */
export type Until =
  /** Until it waits, ends, or seems to spin. */
  | { readonly kind: 'completion' }
  /** For so many instructions: to one of its boundaries, or through its next section. */
  | {
      readonly kind: 'stop';
      readonly instructions: number;
      readonly reason: 'boundary' | 'commit';
      /** The instruction that it is about to execute then. */
      readonly address: number;
    };

/** What a search does to a task between two of its instructions. */
export type Interruption =
  /** The task is descheduled and resumed at once. */
  | { readonly kind: 'spurious' }
  | { readonly kind: 'preempt'; readonly by: number; readonly until: Until }
  | { readonly kind: 'migrate'; readonly vcpu: number }
  /** An rseq membarrier interrupts the task's vCPU. */
  | { readonly kind: 'fence' }
  | { readonly kind: 'signal'; readonly signal: number }
  /** Another vCPU goes on meanwhile; the task is not interrupted at all. */
  | { readonly kind: 'overtake'; readonly vcpu: number; readonly until: Until };

/** An interruption with the place where it happened. */
export interface PlacedInterruption {
  readonly task: number;
  readonly vcpu: number;
  /** Instructions that the task had retired: with `task`, the position in the run. */
  readonly retired: number;
  /** The instruction that the task was about to execute. */
  readonly address: number;
  readonly interruption: Interruption;
}

export const COMPLETION: Until = { kind: 'completion' };

/** `preempt -> task 3 until it commits`: the form of messages; `name` gives addresses names. */
export function describeInterruption(
  interruption: Interruption,
  name: (address: number) => string,
  signalName: (signal: number) => string,
): string {
  switch (interruption.kind) {
    case 'spurious':
      return 'spurious reschedule';
    case 'preempt':
      return `preempt -> task ${interruption.by} ${describeUntil(interruption.until, name)}`;
    case 'migrate':
      return `migrate -> vCPU ${interruption.vcpu}`;
    case 'fence':
      return 'rseq membarrier';
    case 'signal':
      return signalName(interruption.signal);
    case 'overtake':
      return `vCPU ${interruption.vcpu} goes on ${describeUntil(interruption.until, name)}`;
    default:
      return assertNever(interruption);
  }
}

function describeUntil(until: Until, name: (address: number) => string): string {
  if (until.kind === 'completion') return 'until it waits';
  const where = name(until.address);
  return until.reason === 'commit' ? `until it commits, at ${where}` : `until ${where}`;
}
