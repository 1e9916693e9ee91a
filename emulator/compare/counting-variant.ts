import type { KernelProfile, RseqContext, RseqVariant } from '../../kernel-model/rseq/variant.ts';
import { RESUMED } from '../../kernel-model/rseq/variant.ts';
import type { Task, TaskId } from '../../kernel-model/task/task.ts';

/** What a kernel did at context switches, for tasks with a section armed and for the others. */
export interface SwitchCounts {
  /** Times that a registered task was given a vCPU. */
  readonly switches: number;
  /** Of those, followed by a call of the hook on the way back to user mode. */
  readonly hookCalls: number;
}

export interface HookCounts {
  readonly armed: SwitchCounts;
  readonly unarmed: SwitchCounts;
  /** Stores to user memory by those calls, and the bytes they wrote. */
  readonly stores: number;
  readonly bytes: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * A kernel whose rseq work is counted: its own variant behind a wrapper that only looks. `deaf`
 * switches the work at a resume off, for what a kernel without that hook would do.
 */
export class CountingKernel {
  readonly profile: KernelProfile;
  deaf = false;
  readonly #contextOf: (task: Task) => RseqContext;
  readonly #armed: Mutable<SwitchCounts> = { switches: 0, hookCalls: 0 };
  readonly #unarmed: Mutable<SwitchCounts> = { switches: 0, hookCalls: 0 };
  #stores = 0;
  #bytes = 0;
  #isInHook = false;
  /** Tasks that were given a vCPU and have not come to user mode yet. */
  readonly #arriving = new Map<TaskId, Mutable<SwitchCounts>>();

  /** `contextOf` gives what the variant may see of a task. */
  constructor(profile: KernelProfile, contextOf: (task: Task) => RseqContext) {
    this.#contextOf = contextOf;
    this.profile = { ...profile, rseq: this.#wrap(profile.rseq) };
  }

  get counts(): HookCounts {
    return {
      armed: { ...this.#armed },
      unarmed: { ...this.#unarmed },
      stores: this.#stores,
      bytes: this.#bytes,
    };
  }

  /** To be told of the kernel's accesses to user memory (UserMemory.observer). */
  readonly onKernelAccess = (access: 'read' | 'write', _: number, sizeBytes: number): void => {
    if (access === 'read' || !this.#isInHook) return;
    this.#stores++;
    this.#bytes += sizeBytes;
  };

  #wrap(inner: RseqVariant): RseqVariant {
    return {
      ...inner,
      onSwitchOut: (task) => {
        this.#arriving.delete(task.id);
        inner.onSwitchOut(task);
      },
      onSwitchIn: (task) => {
        this.#noteArrival(inner, task);
        inner.onSwitchIn?.(task);
      },
      onResume: (context) => {
        const arrived = this.#arriving.get(context.task.id);
        this.#arriving.delete(context.task.id);
        if (this.deaf) {
          context.task.notifyResume = false;
          return RESUMED;
        }
        if (arrived === undefined) return inner.onResume(context);
        arrived.hookCalls++;
        this.#isInHook = true;
        try {
          return inner.onResume(context);
        } finally {
          this.#isInHook = false;
        }
      },
    };
  }

  #noteArrival(inner: RseqVariant, task: Task): void {
    if (task.rseq === undefined) return;
    const isArmed = inner.armedRegion(this.#contextOf(task)) !== undefined;
    const counts = isArmed ? this.#armed : this.#unarmed;
    counts.switches++;
    this.#arriving.set(task.id, counts);
  }
}
