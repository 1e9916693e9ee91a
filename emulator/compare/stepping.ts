import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import { Stage } from './stage.ts';

/** One operation, single-stepped. */
export interface SteppingRow {
  /** 'pinned': on one vCPU; 'moved': on another one after each stop. */
  readonly place: 'pinned' | 'moved';
  readonly isThrough: boolean;
  readonly steps: number;
  readonly restarts: number;
}

/** Restarts after which stepping is called a livelock. */
const RESTARTS_MAX = 50;
const STEPS_MAX = 20_000;

/** Steps one operation under each policy. */
export function measureStepping(
  machine: Machine,
  profile: KernelProfile,
  image: ProgramImage,
): readonly SteppingRow[] {
  const rows: SteppingRow[] = [];
  for (const place of ['pinned', 'moved'] as const) {
    const stage = Stage.open(machine, profile, image, { workers: 1, vcpus: 2 });
    if (stage !== undefined) rows.push(stepOperation(stage, place));
  }
  return rows;
}

function stepOperation(stage: Stage, place: 'pinned' | 'moved'): SteppingRow {
  const actor = stage.task(0);
  const { sections } = stage.machine;
  const before = sections.counts.committed;
  const restartsBefore = stage.restartsOf(actor);
  const isOver = () =>
    sections.counts.committed > before || stage.restartsOf(actor) - restartsBefore > RESTARTS_MAX;
  let steps = 0;
  while (steps < STEPS_MAX && !isOver()) {
    stage.advance(actor, 1);
    steps++;
    if (place === 'moved') stage.moveTo(actor, 1 - stage.vcpuOf(actor));
    else stage.dispatch(actor);
  }
  return {
    place,
    isThrough: sections.counts.committed > before,
    steps,
    restarts: stage.restartsOf(actor) - restartsBefore,
  };
}
