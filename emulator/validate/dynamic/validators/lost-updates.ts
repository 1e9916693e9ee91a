import type { Task } from '../../../../kernel-model/task/task.ts';
import { effectiveAddress } from '../../../engine/decode/instruction.ts';
import type { KnownSection } from '../known-sections.ts';
import type { Attempt, Exposure, Intrusion } from '../state.ts';
import type { ValidatedRun, Validator, WatchedStore } from '../validator.ts';

/** Attempts at a store of one section that are kept at most: a loop could make any number. */
const INTRUSIONS_MAX = 8;
const WORD_BYTES = 8;
const NO_EXPOSURES: readonly Exposure[] = [];

/**
 * R8 and R28, where an update is really lost: a task in a section has read a word, another task on
 * another vCPU changes it, and the section stores what it made of the old value. If the other one is in
 * a section as well, both work on the data of one CPU, and one of them from another.
 */
export const LOST_UPDATES: Validator = {
  rules: ['R8', 'R28'],
  onPaused(run, task, attempt) {
    const exposed = exposures(run, task, attempt.section);
    if (exposed.length === 0 && attempt.exposed.length === 0) return;
    for (const { address, sizeBytes } of exposed) run.watch(address, sizeBytes);
    run.state.setAttempt(task.id, { ...attempt, exposed });
  },
  onStore(run, store) {
    const { exposed, attempts } = run.state;
    const own = attempts[store.task.id];
    if (own !== undefined && own.intrusions.length > 0) checkOwn(run, store, own);
    for (const id of exposed) {
      const attempt = id === store.task.id ? undefined : attempts[id];
      if (attempt !== undefined) noteIntrusion(run, store, id, attempt);
    }
  },
};

/** What a task that stopped inside has read and would replace. */
function exposures(run: ValidatedRun, task: Task, { updates }: KnownSection): readonly Exposure[] {
  const registers = run.kernel.host.registers(task.id);
  const next = registers.instructionPointer;
  let exposed = NO_EXPOSURES;
  for (const { instruction, load, operand } of updates) {
    if (next <= load || next > instruction || !hasOthers(run, task)) continue;
    const address = Number(effectiveAddress(operand, (name) => registers.read(name)));
    const value = readNumber(run, task, address, operand.sizeBytes);
    if (value === undefined) continue;
    exposed = [...exposed, { address, sizeBytes: operand.sizeBytes, value, load }];
  }
  return exposed;
}

/** Whether a task can run on another vCPU. */
function hasOthers(run: ValidatedRun, { vcpu }: Task): boolean {
  return run.kernel.state.vcpus.some(
    ({ id, current, queue }) => id !== vcpu && (current !== 0 || queue.length > 0),
  );
}

function readNumber(
  run: ValidatedRun,
  task: Task,
  address: number,
  sizeBytes: number,
): number | undefined {
  const { memory } = run.kernel.rseqContext(task);
  if (sizeBytes === WORD_BYTES && address % WORD_BYTES === 0)
    return memory.readU64AsNumber(address);
  if (!Number.isSafeInteger(address)) return undefined;
  return memory.read(address, sizeBytes)?.reduceRight((value, byte) => value * 256 + byte, 0);
}

function noteIntrusion(
  run: ValidatedRun,
  store: WatchedStore,
  exposedTask: number,
  attempt: Attempt,
): void {
  const { task, address, sizeBytes, value, instruction } = store;
  const other = run.kernel.state.tasks[exposedTask - 1];
  if (other?.state.kind !== 'running' || other.vcpu === task.vcpu) return;
  if (other.process !== task.process || attempt.intrusions.length >= INTRUSIONS_MAX) return;
  const exposure = attempt.exposed.find(
    (each) => each.address === address && each.sizeBytes === sizeBytes && each.value !== value,
  );
  if (exposure === undefined) return;
  const intrusion: Intrusion = {
    exposure,
    task: task.id,
    vcpu: task.vcpu,
    instruction,
    value,
    isInSection: store.section !== undefined,
  };
  run.state.setAttempt(exposedTask, {
    ...attempt,
    intrusions: [...attempt.intrusions, intrusion],
  });
}

function checkOwn(run: ValidatedRun, store: WatchedStore, attempt: Attempt): void {
  const { address, sizeBytes, value, code } = store;
  if (code?.load === undefined) return;
  const intrusion = attempt.intrusions.findLast(
    ({ exposure }) => exposure.address === address && exposure.sizeBytes === sizeBytes,
  );
  if (intrusion === undefined || intrusion.value === value) return;
  report(run, store, attempt, intrusion);
}

function report(
  run: ValidatedRun,
  { task, instruction, address, retired }: WatchedStore,
  { section }: Attempt,
  intrusion: Intrusion,
): void {
  const load = run.describe(task.id, intrusion.exposure.load);
  const other = run.describe(intrusion.task, intrusion.instruction);
  const where = intrusion.isInSection ? 'in a section as well' : 'outside any section';
  run.report({
    rule: intrusion.isInSection ? 'R8' : 'R28',
    task: task.id,
    section: section.region,
    address: intrusion.isInSection ? instruction : intrusion.instruction,
    message: () =>
      `task ${task.id} on vCPU ${task.vcpu} read 0x${address.toString(16)} at ${load}; task ` +
      `${intrusion.task} on vCPU ` +
      `${intrusion.vcpu} changed it at ${other}, ${where}; task ${task.id} then replaced it at ` +
      `${run.describe(task.id, instruction)}: an update is lost`,
    retired,
  });
}
