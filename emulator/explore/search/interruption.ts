import { assertNever } from '../../../kernel-model/assert.ts';

/** How long whoever interrupts goes on before the interrupted task is back. */
export type Until =
  /** Until it waits, ends, or seems to spin. */
  | { readonly kind: 'completion' }
  /** Until its next section commits. */
  | { readonly kind: 'commit' }
  /** Until it is about to execute its n-th boundary from there. */
  | { readonly kind: 'boundary'; readonly ordinal: number };

/** What a search does to a task between two of its instructions. */
export type Interruption =
  /** The task is descheduled and resumed at once. */
  | { readonly kind: 'spurious' }
  | { readonly kind: 'preempt'; readonly by: number; readonly until: Until }
  | { readonly kind: 'migrate'; readonly vcpu: number }
  /** An rseq membarrier interrupts the task's vCPU. */
  | { readonly kind: 'fence' }
  /** Another vCPU goes on meanwhile; the task is not interrupted at all. */
  | { readonly kind: 'overtake'; readonly vcpu: number; readonly until: Until };

/** An interruption with the place where it happened. */
export interface PlacedInterruption {
  readonly task: number;
  readonly vcpu: number;
  /** The instruction that the task was about to execute. */
  readonly address: number;
  readonly interruption: Interruption;
}

/** `preempt -> task 3 until it commits`: the form of messages. */
export function describeInterruption(interruption: Interruption): string {
  switch (interruption.kind) {
    case 'spurious':
      return 'spurious reschedule';
    case 'preempt':
      return `preempt -> task ${interruption.by} ${describeUntil(interruption.until)}`;
    case 'migrate':
      return `migrate -> vCPU ${interruption.vcpu}`;
    case 'fence':
      return 'rseq membarrier';
    case 'overtake':
      return `vCPU ${interruption.vcpu} goes on ${describeUntil(interruption.until)}`;
    default:
      return assertNever(interruption);
  }
}

function describeUntil(until: Until): string {
  switch (until.kind) {
    case 'completion':
      return 'until it waits';
    case 'commit':
      return 'until it commits';
    case 'boundary':
      return `until its boundary ${until.ordinal}`;
    default:
      return assertNever(until);
  }
}
