import type { KernelProfile, RseqContext } from '../../kernel-model/rseq/variant.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import type { Restarts } from './interference.ts';
import { Stage } from './stage.ts';

/** What a reschedule does to a task that is armed, by the event count that it expects. */
export interface ExpectedCountRow {
  readonly truthful: Restarts;
  readonly bogus: Restarts;
}

/** Gives a task a count to expect that is not the one it would find. */
type Poke = (context: RseqContext) => void;

const BOGUS = 0x5eed_0bad_5eed_0badn;
/** expected_count in Lutomirski's record. */
const LUTOMIRSKI_EXPECTED_COUNT = 32;

const pokeRdx: Poke = ({ registers }) => registers.write('rdx', BOGUS);

/** Where each ABI that compares an event count keeps the one that a section expects. */
const EXPECTED_COUNTS: Readonly<Record<string, Poke>> = {
  'turner-v2': pokeRdx,
  'desnoyers-2016a': pokeRdx,
  'lutomirski-2016': ({ task, memory }) => {
    if (task.rseq === undefined) return;
    memory.writeU64(task.rseq.address + LUTOMIRSKI_EXPECTED_COUNT, BOGUS);
  },
};

/**
 * Reschedules a task at each instruction of an operation at which it is armed, nobody else having
 * run, once as it is and once with a bogus expected count. `undefined` where an ABI has no count.
 */
export function measureExpectedCount(
  machine: Machine,
  profile: KernelProfile,
  image: ProgramImage,
): ExpectedCountRow | undefined {
  const poke = EXPECTED_COUNTS[profile.name];
  if (poke === undefined) return undefined;
  const stage = Stage.open(machine, profile, image, { workers: 1, vcpus: 1 });
  if (stage === undefined) return undefined;
  const tally = { truthful: { positions: 0, restarted: 0 }, bogus: { positions: 0, restarted: 0 } };
  const start = stage.save();
  const { instructions } = stage.commit(stage.task(0));
  stage.restore(start);
  for (let position = 0; position < instructions; position++) {
    const here = stage.save();
    for (const kind of ['truthful', 'bogus'] as const) {
      if (machine.kernel.profile.rseq.armedRegion(stage.contextOf(0)) === undefined) continue;
      if (kind === 'bogus') poke(stage.contextOf(0));
      stage.dispatch(stage.task(0));
      stage.commit(stage.task(0));
      tally[kind].positions++;
      if (stage.restartsOf(stage.task(0)) > 0) tally[kind].restarted++;
      stage.restore(here);
    }
    stage.advance(stage.task(0), 1);
  }
  return tally;
}
