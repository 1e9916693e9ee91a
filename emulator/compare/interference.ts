import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import { Stage } from './stage.ts';

/** Something that happens to a task between two instructions of its operation. */
export type Interference =
  /** It is rescheduled, and nobody else runs. */
  | 'reschedule'
  /** Another task runs one instruction outside any section. */
  | 'other-task'
  /** Another task carries out an operation on another object. */
  | 'independent'
  /** Another task carries out an operation on the same object. */
  | 'conflict'
  /** As `conflict`, under a kernel that does nothing at a resume. */
  | 'conflict-unhooked'
  | 'migration';

const INTERFERENCES: readonly Interference[] = [
  'reschedule',
  'other-task',
  'independent',
  'conflict',
  'conflict-unhooked',
  'migration',
];

/** At how many instructions of an operation it was tried, and at how many the task had to restart. */
export interface Restarts {
  readonly positions: number;
  readonly restarted: number;
}

export interface InterferenceRow {
  /** Instructions from one commit to the next, uninterrupted. */
  readonly operationInstructions: number;
  readonly restarts: Readonly<Record<Interference, Restarts>>;
}

const NONE: Restarts = { positions: 0, restarted: 0 };
const WORKERS = 3;
const ACTOR = 0;
const INDEPENDENT = 1;
const RIVAL = 2;
/** Positions tried in one operation, at even distances. */
const POSITIONS_MAX = 48;

/**
 * Tries each interference between two instructions of one operation of the long section, at
 * positions all over it. `undefined` for an ABI without sections.
 */
export function measureInterference(
  machine: Machine,
  profile: KernelProfile,
  image: ProgramImage,
): InterferenceRow | undefined {
  const stage = Stage.open(machine, profile, image, { workers: WORKERS, vcpus: 2 });
  if (stage === undefined) return undefined;
  const actor = stage.task(ACTOR);
  const start = stage.save();
  const operationInstructions = stage.commit(actor).instructions;
  const stride = Math.max(1, Math.ceil(operationInstructions / POSITIONS_MAX));
  const tally = new Tally();
  stage.restore(start);
  for (let position = 0; position < operationInstructions; position += stride) {
    const here = stage.save();
    for (const kind of INTERFERENCES) {
      interfere(stage, kind);
      stage.commit(actor);
      tally.add(kind, stage.restartsOf(actor));
      stage.run.kernel.deaf = false;
      stage.restore(here);
    }
    stage.advance(actor, stride);
  }
  return { operationInstructions, restarts: tally.restarts };
}

function interfere(stage: Stage, kind: Interference): void {
  const actor = stage.task(ACTOR);
  switch (kind) {
    case 'reschedule':
      break;
    case 'other-task':
      stage.dispatch(stage.task(INDEPENDENT));
      stage.advance(stage.task(INDEPENDENT), 1);
      break;
    case 'independent':
    case 'conflict':
    case 'conflict-unhooked': {
      stage.run.kernel.deaf = kind === 'conflict-unhooked';
      const other = stage.task(kind === 'independent' ? INDEPENDENT : RIVAL);
      stage.dispatch(other);
      stage.commit(other);
      break;
    }
    case 'migration':
      stage.moveTo(actor, 1);
      return;
  }
  stage.dispatch(actor);
}

/** Restarts by interference. */
class Tally {
  readonly restarts: Record<Interference, Restarts> = {
    reschedule: NONE,
    'other-task': NONE,
    independent: NONE,
    conflict: NONE,
    'conflict-unhooked': NONE,
    migration: NONE,
  };

  add(kind: Interference, restarts: number): void {
    const { positions, restarted } = this.restarts[kind];
    this.restarts[kind] = {
      positions: positions + 1,
      restarted: restarted + (restarts > 0 ? 1 : 0),
    };
  }
}
