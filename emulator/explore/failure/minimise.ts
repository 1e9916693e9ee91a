import { isPass } from '../../machine/outcome.ts';
import type { Explorer } from '../search/explorer.ts';
import { COMPLETION, type Interruption, type PlacedInterruption } from '../search/interruption.ts';
import type { Failure } from '../search/tally.ts';
import { type Play, play } from './play.ts';

/** How much minimising may cost. */
export interface MinimiseLimits {
  /** Runs of the program at most. */
  readonly plays: number;
  /** Asked before each run. */
  readonly isOver: () => boolean;
}

/** A failure with as few and as early interruptions as were found. */
export interface Minimised {
  readonly vcpus: number;
  readonly play: Play;
  /** Runs that it took. */
  readonly plays: number;
  /** Everything was tried that minimising tries: no limit ended it. */
  readonly isComplete: boolean;
}

/** Whether two runs fail alike: the same kind of end, with the same status, signal or finding. */
export function isSameFailure(
  a: Pick<Failure, 'outcome' | 'isEndless'>,
  b: Pick<Failure, 'outcome' | 'isEndless'>,
): boolean {
  if (a.outcome.kind !== b.outcome.kind || isPass(a.outcome) !== isPass(b.outcome)) return false;
  if (a.isEndless !== b.isEndless) return false;
  if (a.outcome.kind === 'exit' && b.outcome.kind === 'exit') {
    return a.outcome.status === b.outcome.status;
  }
  if (a.outcome.kind === 'finding' && b.outcome.kind === 'finding') {
    return a.outcome.rule === b.outcome.rule && a.outcome.address === b.outcome.address;
  }
  if (a.outcome.kind === 'signal' && b.outcome.kind === 'signal') {
    return a.outcome.signal === b.outcome.signal;
  }
  return true;
}

/**
 * Looks for the fewest interruptions that make the program fail as in `failure`, then for the simplest
 * kinds, the earliest positions, and the fewest vCPUs. `open` gives an explorer for so many vCPUs.
 * `undefined` if the failure's own interruptions, played, do not make it fail so.
 */
export function minimise(
  failure: Pick<Failure, 'interruptions' | 'outcome' | 'isEndless'>,
  vcpus: number,
  open: (vcpus: number) => Explorer,
  limits: MinimiseLimits,
): Minimised | undefined {
  const explorer = open(vcpus);
  const shrinking = new Shrinking(explorer, failure, play(explorer, failure.interruptions), limits);
  if (!isSameFailure(shrinking.best, failure)) return undefined;
  shrinking.dropMany();
  shrinking.simplify();
  shrinking.moveEarlier();
  shrinking.dropOne();
  const fewer = withFewerVcpus(shrinking, vcpus, open);
  const { best } = fewer?.shrinking ?? shrinking;
  return {
    vcpus: fewer?.vcpus ?? vcpus,
    play: best,
    plays: shrinking.plays,
    isComplete: !shrinking.isCut,
  };
}

class Shrinking {
  readonly #explorer: Explorer;
  readonly #failure: Pick<Failure, 'outcome' | 'isEndless'>;
  readonly limits: MinimiseLimits;
  best: Play;
  plays = 1;
  isCut = false;

  constructor(
    explorer: Explorer,
    failure: Pick<Failure, 'outcome' | 'isEndless'>,
    best: Play,
    limits: MinimiseLimits,
  ) {
    this.#explorer = explorer;
    this.#failure = failure;
    this.best = best;
    this.limits = limits;
  }

  get failure(): Pick<Failure, 'outcome' | 'isEndless'> {
    return this.#failure;
  }

  /** Keeps what a list of interruptions gives, if it fails alike with no more interruptions. */
  tries(interruptions: readonly PlacedInterruption[]): boolean {
    if (!this.mayPlay()) return false;
    const played = play(this.#explorer, interruptions);
    if (!isSameFailure(played, this.#failure)) return false;
    if (played.made.length > this.best.made.length) return false;
    this.best = played;
    return true;
  }

  /** Counts a run of the program; false if the limits allow none. */
  mayPlay(): boolean {
    this.isCut ||= this.plays >= this.limits.plays || this.limits.isOver();
    if (this.isCut) return false;
    this.plays++;
    return true;
  }

  /** Delta debugging: whole chunks, then smaller ones. */
  dropMany(): void {
    for (let chunk = this.best.made.length; chunk >= 1; chunk = Math.floor(chunk / 2)) {
      for (let at = 0; at < this.best.made.length; ) {
        const { made } = this.best;
        const without = [...made.slice(0, at), ...made.slice(at + chunk)];
        if (!this.tries(without)) at += chunk;
      }
    }
    this.dropOne();
  }

  dropOne(): void {
    for (let at = 0; at < this.best.made.length; ) {
      if (this.tries(this.best.made.filter((_, index) => index !== at))) at = 0;
      else at++;
    }
  }

  simplify(): void {
    for (let at = 0; at < this.best.made.length; at++) {
      for (const simpler of simplerThan(this.best, at)) {
        if (this.tries(this.best.made.with(at, simpler))) break;
      }
    }
  }

  moveEarlier(): void {
    for (let at = 0; at < this.best.made.length; at++) {
      const placed = this.best.made[at];
      if (placed === undefined) return;
      for (const { retired } of earlierPositions(this.best, placed)) {
        if (this.tries(this.best.made.with(at, { ...placed, retired }))) break;
      }
    }
  }
}

/** Positions of one interruption that are tried. */
const POSITIONS_TRIED_MAX = 64;

/** Boundaries of the same task before an interruption, the earliest first. */
function earlierPositions({ passed }: Play, { task, retired }: PlacedInterruption) {
  return passed
    .filter((each) => each.task === task && each.retired < retired)
    .slice(0, POSITIONS_TRIED_MAX);
}

/** What could stand in an interruption's place, the simplest first. */
function simplerThan({ made, turns }: Play, at: number): PlacedInterruption[] {
  const [placed, turn] = [made[at], turns[at]];
  if (placed === undefined || turn === undefined) return [];
  const { interruption } = placed;
  if (interruption.kind === 'spurious') return [];
  const spurious: PlacedInterruption = { ...placed, interruption: { kind: 'spurious' } };
  const hasStop = 'until' in interruption && interruption.until.kind === 'stop';
  if (!hasStop) return [spurious];
  const whole: PlacedInterruption = {
    ...placed,
    interruption: { ...interruption, until: COMPLETION },
  };
  // Whoever was stopped may as well be what is interrupted.
  const instead: Interruption[] = [{ kind: 'spurious' }];
  if (interruption.kind === 'overtake') {
    instead.push({ kind: 'overtake', vcpu: placed.vcpu, until: COMPLETION });
  }
  const tasks = new Set([...turns, placed].map(({ task }) => task));
  for (const by of new Set([...tasks, Math.max(...tasks) + 1])) {
    if (by !== turn.task) instead.push({ kind: 'preempt', by, until: COMPLETION });
  }
  return [
    spurious,
    whole,
    ...instead.map((each): PlacedInterruption => ({ ...turn, interruption: each })),
  ];
}

/** The same with fewer vCPUs: who went on elsewhere preempts instead. */
function withFewerVcpus(
  whole: Shrinking,
  vcpus: number,
  open: (vcpus: number) => Explorer,
): { readonly vcpus: number; readonly shrinking: Shrinking } | undefined {
  const { best, failure } = whole;
  const limits = { plays: Number.POSITIVE_INFINITY, isOver: () => !whole.mayPlay() };
  for (let fewer = 1; fewer < vcpus; fewer++) {
    for (const interruptions of onFewerVcpus(best.made, fewer)) {
      if (!whole.mayPlay()) return undefined;
      const explorer = open(fewer);
      const shrinking = new Shrinking(explorer, failure, play(explorer, interruptions), limits);
      const isSame = isSameFailure(shrinking.best, failure);
      if (!isSame || shrinking.best.made.length > best.made.length) continue;
      shrinking.dropOne();
      shrinking.moveEarlier();
      return { vcpus: fewer, shrinking };
    }
  }
  return undefined;
}

/** Lists that may do on so few vCPUs what `made` did on more. */
function onFewerVcpus(
  made: readonly PlacedInterruption[],
  vcpus: number,
): readonly PlacedInterruption[][] {
  const interrupted = made.map(({ task }) => task);
  const tasks = new Set([...interrupted, ...interrupted.map((task) => task + 1)]);
  return [...tasks].map((by) =>
    made.flatMap((placed): PlacedInterruption[] => {
      const { interruption } = placed;
      if (interruption.kind === 'migrate' && interruption.vcpu >= vcpus) return [];
      const isGone = interruption.kind === 'overtake' && interruption.vcpu >= vcpus;
      if (!isGone) return [placed];
      return [{ ...placed, interruption: { kind: 'preempt', by, until: interruption.until } }];
    }),
  );
}
