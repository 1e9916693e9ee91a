import { createHash } from 'node:crypto';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { isPass } from '../../machine/outcome.ts';
import type { SearchJob } from '../campaign/job.ts';
import { play } from '../failure/play.ts';
import type { Explorer } from '../search/explorer.ts';
import type { PlacedInterruption } from '../search/interruption.ts';
import { SEARCH_STRATEGIES } from '../search/registry.ts';
import type { Tally } from '../search/tally.ts';
import { TallyCounter } from '../search/tally-counter.ts';
import type { SearchPlan } from '../search/unit.ts';
import type { SampledSchedule } from './certificate.ts';
import { type RecountedGroup, recountFirst } from './recount.ts';

/** A sampled schedule as it came out. */
export interface SampledRun {
  readonly schedule: SampledSchedule;
  readonly passes: boolean;
}

/** What can be found out about a job without searching all of its schedules. */
export interface CertifiedFacts {
  readonly plan: SearchPlan;
  readonly groups: readonly RecountedGroup[];
  /** Schedules that the job's own digest picks, with what each comes to. */
  readonly sample: readonly SampledRun[];
  /** Some units, explored again: by their index in the plan. */
  readonly explored: ReadonlyMap<number, Tally>;
}

const SAMPLED_SCHEDULES = 48;
/** Units that are explored again, of each stage. */
const SAMPLED_UNITS = 2;

/** Finds out what a certificate of the job must say. The same job gives the same facts. */
export function establishFacts(explorer: Explorer, job: SearchJob): CertifiedFacts {
  const search = SEARCH_STRATEGIES[job.strategy].open(explorer);
  const plan = search.plan();
  const draw = drawerOf(job);
  const explored = new Map<number, Tally>();
  for (const index of sampledUnits(plan, draw)) {
    const unit = plan.units[index];
    if (unit === undefined) continue;
    const counter = new TallyCounter();
    for (const _ of search.explore(unit, counter));
    explored.set(index, counter.tally);
  }
  const groups = recountFirst(explorer);
  const sample = sampledLists(groups, job, draw).map((list) => runSample(explorer, list));
  return { plan, groups, sample, explored };
}

function sampledUnits({ units }: SearchPlan, draw: (below: number) => number): Set<number> {
  const stages = new Map<number, number[]>();
  units.forEach(({ stage }, index) => {
    stages.set(stage, [...(stages.get(stage) ?? []), index]);
  });
  const chosen = new Set<number>();
  for (const indices of stages.values()) {
    for (let i = 0; i < SAMPLED_UNITS; i++) chosen.add(indices[draw(indices.length)] ?? 0);
  }
  return chosen;
}

/** Lists of as many interruptions as the bound allows, and of one. */
function sampledLists(
  groups: readonly RecountedGroup[],
  { bounds }: SearchJob,
  draw: (below: number) => number,
): PlacedInterruption[][] {
  const all = groups.flatMap(({ first }) => first);
  if (all.length === 0 || bounds.preemptions === 0) return [[]];
  return Array.from({ length: SAMPLED_SCHEDULES }, (_, index) => {
    const length = 1 + (index % bounds.preemptions);
    const drawn = Array.from({ length }, () => draw(all.length)).sort((a, b) => a - b);
    return [...new Set(drawn)].flatMap((at) => all[at] ?? []);
  });
}

function runSample(explorer: Explorer, list: readonly PlacedInterruption[]): SampledRun {
  const { made, outcome } = play(explorer, list);
  const { machine } = explorer;
  const { instructions } = machine.counts;
  const schedule = { interruptions: made, instructions, stateHash: machine.stateHash() };
  return { schedule, passes: isPass(outcome) };
}

/** Numbers below a bound, drawn from what the job is. */
function drawerOf({ guest, ...rest }: SearchJob): (below: number) => number {
  const identity = { sha256: guest.sha256, args: guest.args, env: guest.env, ...rest };
  const seed = createHash('sha256').update(JSON.stringify(identity)).digest().readInt32LE(0);
  const generator = xoroshiro128plus(seed);
  return (below) => uniformInt(generator, 0, below - 1);
}
