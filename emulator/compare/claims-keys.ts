import { type Evidence, type Finding, mainlineRow, type TestableClaim } from './claim.ts';
import type { KeyRow } from './keys.ts';
import type { SteppingRow, StopPlace } from './stepping.ts';

const KEYS = 'desnoyers keys';
const DEBUGGER = 'debugger';

/** The claims about debuggers, which the keyed program and stepping decide. */
export const KEY_CLAIMS: readonly TestableClaim[] = [
  {
    id: 'C8',
    about: KEYS,
    claim:
      'three inline functions (start, finish, abort) with a key; several entries and exits are possible',
    judge: withKeys(judgeTuples),
  },
  {
    id: 'C10',
    about: KEYS,
    claim: 'abort leaves a section without committing',
    judge: withKeys(judgeAbort),
  },
  {
    id: 'C11',
    about: KEYS,
    claim:
      'tuples in a non-loadable section let a debugger skip whole sections by breakpoints at all ' +
      'exits of the same key',
    judge: withKeys(judgeSkipping),
  },
  {
    id: 'C12',
    about: KEYS,
    claim: 'neither kernel nor user run-time code gets more complex',
    judge: withKeys(judgeText),
  },
  {
    id: 'C13',
    about: DEBUGGER,
    claim: 'one may step the first iteration and, after it loops, skip until the exits',
    judge: withKeys(judgeLoop),
  },
  {
    id: 'C14',
    about: DEBUGGER,
    claim: 'it is handled like LL/SC sequences on powerpc, and needs gdb to be extended',
    judge: judgeLlSc,
  },
];

function withKeys(judge: (keys: KeyRow) => Finding | undefined): TestableClaim['judge'] {
  return ({ keys }: Evidence) => (keys === undefined ? undefined : judge(keys));
}

function steppedIn(
  rows: readonly SteppingRow[] | undefined,
  policy: SteppingRow['policy'],
  place: StopPlace,
): SteppingRow | undefined {
  return rows?.find((row) => row.policy === policy && row.place === place);
}

function judgeTuples({ keys, problems }: KeyRow): Finding {
  const sum = (part: 'starts' | 'finishes' | 'aborts'): number =>
    keys.reduce((total, each) => total + each[part], 0);
  const starts = sum('starts');
  const finishes = sum('finishes');
  const aborts = sum('aborts');
  const withEntries = keys.filter((each) => each.starts > 1).length;
  const withExits = keys.filter((each) => each.finishes + each.aborts > 1).length;
  const hasAll = starts > 0 && finishes > 0 && aborts > 0;
  return {
    holds: hasAll && withEntries > 0 && withExits > 0 && problems.length === 0,
    figures: {
      keys: keys.length,
      starts,
      finishes,
      aborts,
      keysWithSeveralEntries: withEntries,
      keysWithSeveralExits: withExits,
      problems: problems.length,
    },
    verdict:
      `${keys.length} keys with ${starts} starts, ${finishes} finishes and ${aborts} aborts; ` +
      `${withEntries} have several entries, ${withExits} several exits; ${problems.length} problems`,
  };
}

function judgeAbort({ finish, abort }: KeyRow): Finding {
  return {
    holds: abort.taken > 0 && abort.stores === 0 && finish.stores >= finish.taken,
    figures: {
      aborts: abort.taken,
      storesBeforeAborts: abort.stores,
      finishes: finish.taken,
      storesBeforeFinishes: finish.stores,
    },
    verdict:
      `${abort.taken} sections left by abort stored ${abort.stores} times to shared data, ` +
      `${finish.taken} left by finish ${finish.stores} times`,
  };
}

function judgeSkipping({ stepping }: KeyRow): Finding | undefined {
  const key = steppedIn(stepping, 'key', 'crowded');
  const native = steppedIn(stepping, 'native', 'crowded');
  if (key === undefined || native === undefined) return undefined;
  return {
    holds: key.isThrough && key.restarts === 0 && !native.isThrough,
    figures: {
      isThrough: key.isThrough,
      steps: key.steps,
      restarts: key.restarts,
      nativeIsThrough: native.isThrough,
      nativeRestarts: native.restarts,
    },
    verdict:
      `with another task running at each stop, an operation skipped by its key is ` +
      `${key.isThrough ? `done in ${key.steps} steps, ${key.restarts} restarts` : 'never done'}` +
      `; stepped one instruction at a time it ${native.isThrough ? 'is done too' : 'never is'}`,
  };
}

function judgeText({ text, instructions }: KeyRow): Finding {
  const { keyed, unkeyed } = instructions;
  return {
    holds: text.bytes > 0 && text.isSame && keyed === unkeyed,
    figures: {
      textBytes: text.bytes,
      isTextSame: text.isSame,
      keyedInstructions: keyed,
      unkeyedInstructions: unkeyed,
    },
    verdict:
      `the ${text.bytes} bytes of .text are ${text.isSame ? 'the same' : 'not the same'} with and ` +
      `without keys; a run takes ${keyed} and ${unkeyed} instructions, under the same kernel`,
  };
}

function judgeLoop({ stepping }: KeyRow): Finding | undefined {
  const loop = steppedIn(stepping, 'key-after-loop', 'crowded');
  const key = steppedIn(stepping, 'key', 'crowded');
  if (loop === undefined || key === undefined) return undefined;
  return {
    holds: loop.isThrough && loop.restarts >= 1 && loop.steps > key.steps,
    figures: {
      isThrough: loop.isThrough,
      steps: loop.steps,
      restarts: loop.restarts,
      stepsByKeyAlone: key.steps,
    },
    verdict:
      `the first attempt is stepped and ${loop.restarts > 0 ? 'spoiled' : 'not spoiled'}, and the ` +
      `operation is ${loop.isThrough ? `done in ${loop.steps} steps` : 'never done'}, where skipping ` +
      `at once takes ${key.steps}`,
  };
}

function judgeLlSc(evidence: Evidence): Finding | undefined {
  const stepping = mainlineRow(evidence)?.stepping;
  const native = steppedIn(stepping, 'native', 'pinned');
  const decoded = steppedIn(stepping, 'll-sc', 'pinned');
  if (native === undefined || decoded === undefined) return undefined;
  const stuck = evidence.rows.filter(
    (row) => steppedIn(row.stepping, 'native', 'pinned')?.isThrough === false,
  );
  const helped = stuck.filter(
    (row) => steppedIn(row.stepping, 'll-sc', 'pinned')?.isThrough === true,
  );
  return {
    holds: decoded.isThrough && !native.isThrough,
    figures: {
      nativeIsThrough: native.isThrough,
      decodedIsThrough: decoded.isThrough,
      decodedSteps: decoded.steps,
      abisStuck: stuck.length,
      abisHelped: helped.length,
    },
    verdict:
      `under mainline a plain debugger ${native.isThrough ? 'gets' : 'never gets'} through, one that ` +
      `decodes from the arming store to the exits ${decoded.isThrough ? 'does' : 'does not'}; so it ` +
      `is for ${helped.length} of the ${stuck.length} ABIs that are stuck`,
  };
}
