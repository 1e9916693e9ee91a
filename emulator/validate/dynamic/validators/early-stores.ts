import { type Attempt, granulesOf, type Leftover } from '../state.ts';
import type { ValidatedRun, Validator, WatchedStore } from '../validator.ts';

/**
 * R12 and R27. A section that is aborted, or left without its commit, may leave stores behind, as long
 * as nobody acts on them. They are remembered until they are overwritten; what counts is a section that
 * replaces such a value by another one after having read it. Bits that are set or cleared may be so
 * again, and memory of the thread itself is its own affair.
 */
export const EARLY_STORES: Validator = {
  rules: ['R12', 'R27'],
  onFailed(run, task, attempt, cause) {
    for (const store of attempt.stores) {
      const code = attempt.section.code.get(store.instruction);
      if (code === undefined || code.isIdempotent || code.operand.segment !== undefined) continue;
      run.leave({ ...store, task: task.id, section: attempt.section, cause });
    }
  },
  onStore(run, store) {
    const [first, end] = granulesOf(store.address, store.sizeBytes);
    for (let granule = first; granule < end; granule++) {
      const leftover = run.state.leftover(granule);
      if (leftover === undefined || !isSameMemory(run, leftover, store)) continue;
      if (isActedOn(leftover, store)) report(run, leftover, store);
      run.state.setLeftover(granule, undefined);
    }
  },
};

/** Another process has something else at that address. */
function isSameMemory({ kernel }: ValidatedRun, leftover: Leftover, store: WatchedStore): boolean {
  return kernel.state.tasks[leftover.task - 1]?.process === store.task.process;
}

function isActedOn(leftover: Leftover, { code, address, sizeBytes, value }: WatchedStore): boolean {
  return (
    code?.load !== undefined &&
    !code.isIdempotent &&
    address === leftover.address &&
    sizeBytes === leftover.sizeBytes &&
    value !== leftover.value
  );
}

function report(run: ValidatedRun, leftover: Leftover, store: WatchedStore): void {
  const { task, code, instruction, retired } = store;
  const early = run.describe(leftover.task, leftover.instruction);
  const load = run.describe(task.id, code?.load ?? instruction);
  const how =
    leftover.cause === 'abort'
      ? 'before its section was aborted'
      : 'in a section that it left without commit';
  const who = leftover.task === task.id ? 'its next try' : `task ${task.id}`;
  run.report({
    rule: leftover.cause === 'abort' ? 'R12' : 'R27',
    task: task.id,
    section: leftover.section.region,
    address: leftover.instruction,
    message: () =>
      `task ${leftover.task} stored to 0x${leftover.address.toString(16)} at ${early} ${how}; ` +
      `${who} read that at ${load} and stored a new value at ${run.describe(task.id, instruction)}`,
    retired,
  });
}

/** An attempt with one more store that comes before its commit. */
export function withEarlyStore(attempt: Attempt, store: WatchedStore): Attempt {
  const { instruction, address, sizeBytes, value } = store;
  return { ...attempt, stores: [...attempt.stores, { instruction, address, sizeBytes, value }] };
}
