/** Bytes of memory that an event used. */
export interface EventAccess {
  readonly address: number;
  readonly sizeBytes: number;
  readonly isWrite: boolean;
}

/** One step of a run at the grain of events: what one task did, or what was done to it. */
export interface TraceEvent {
  readonly task: number;
  /** Names what was done among all that the task could do there: a step, an interruption, a choice. */
  readonly label: string;
  /** The vCPUs whose running task it can have replaced. */
  readonly vcpus: readonly number[];
  /**
   * Whether it matters that the task keeps its vCPU before or after: it has a section armed, or is
   * known to use its rseq area in an unusual way.
   */
  readonly isHandoverSensitive: boolean;
  /** It may have to do with everything: no order with others can be ruled out as immaterial. */
  readonly isGlobal: boolean;
  readonly accesses: readonly EventAccess[];
  /** Kernel objects that it changed or looked at, by name. */
  readonly objects: readonly string[];
  /** Tasks that could not run before it and can now. */
  readonly enables: readonly number[];
}

/**
 * Whether the order of two events can matter. Events that are not dependent commute: next to each other
 * they can be swapped, each does the same as before, and the state after both is the same but for
 * who holds a vCPU without a section armed. The one definition for reduction, merging and explanations
 * (exploration.md 2.1).
 */
export function areDependent(a: TraceEvent, b: TraceEvent): boolean {
  return (
    a.task === b.task ||
    a.isGlobal ||
    b.isGlobal ||
    a.enables.includes(b.task) ||
    b.enables.includes(a.task) ||
    replacesSensitively(a, b) ||
    a.objects.some((name) => b.objects.includes(name)) ||
    conflicts(a.accesses, b.accesses)
  );
}

/** A task that goes on where another has its section armed takes the vCPU from it: that aborts. */
function replacesSensitively(a: TraceEvent, b: TraceEvent): boolean {
  if (!a.isHandoverSensitive && !b.isHandoverSensitive) return false;
  return a.vcpus.some((vcpu) => b.vcpus.includes(vcpu));
}

/** Whether some bytes are used by both and written by one. */
function conflicts(a: readonly EventAccess[], b: readonly EventAccess[]): boolean {
  return a.some((one) => b.some((other) => (one.isWrite || other.isWrite) && overlap(one, other)));
}

function overlap(a: EventAccess, b: EventAccess): boolean {
  return a.address < b.address + b.sizeBytes && b.address < a.address + a.sizeBytes;
}
