import { type Evidence, type Finding, mainlineRow, rowOf, type TestableClaim } from './claim.ts';
import { isThrough, restartsOf } from './load.ts';
import type { CompareRow } from './rows.ts';
import { sumHooks } from './sums.ts';

const LUTOMIRSKI = 'lutomirski-2016';
const TURNER_V2 = 'turner-v2';
/** Preemptions a section at which a load counts as heavy. */
const HEAVY_PREEMPTIONS = 5;
/** What the mail says that rseq_start and rseq_finish do. */
const TURNER_ORDER = ['load +0', 'store +8', 'load +0', 'commit', 'store +8'];

/** The claims that rows of ABIs decide. */
export const ABI_CLAIMS: readonly TestableClaim[] = [
  {
    id: 'C1',
    about: LUTOMIRSKI,
    claim:
      'a section can be single-stepped like any other code while its thread is pinned to a CPU',
    judge: judgeStepping,
  },
  {
    id: 'C2',
    about: LUTOMIRSKI,
    claim: 'independent rseq users coexist without forcing each other to abort',
    judge: judgeCoexistence,
  },
  {
    id: 'C3',
    about: LUTOMIRSKI,
    claim: 'preemption itself is not magical: by itself it changes nothing',
    judge: judgePreemption,
  },
  {
    id: 'C4',
    about: LUTOMIRSKI,
    claim: 'action on resume or preemption can be forced by a bogus expected event count',
    judge: judgeBogusCount,
  },
  {
    id: 'C5',
    about: 'all',
    claim:
      'preemption or resume must be hooked for every process that enabled it, to look for ' +
      'an armed section',
    judge: judgeHooks,
  },
  {
    id: 'C6',
    about: LUTOMIRSKI,
    claim: 'a fairly long section is not aborted under heavy load',
    judge: judgeHeavyLoad,
  },
  {
    id: 'C7',
    about: LUTOMIRSKI,
    claim: 'it can interleave with other sections that do not conflict',
    judge: judgeInterleaving,
  },
  {
    id: 'C9',
    about: TURNER_V2,
    claim:
      'start reads the counter from TLS; finish stores post_commit_instr, puts the failure ' +
      'address in rcx and compares right before the commit',
    judge: judgeProtocol,
  },
];

function judgeStepping(evidence: Evidence): Finding | undefined {
  const stepped = (row: CompareRow | undefined, place: string) =>
    row?.stepping?.find((each) => each.policy === 'native' && each.place === place);
  const row = rowOf(evidence, LUTOMIRSKI);
  const pinned = stepped(row, 'pinned');
  const moved = stepped(row, 'moved');
  if (pinned === undefined || moved === undefined) return undefined;
  const mainline = stepped(mainlineRow(evidence), 'pinned');
  const holds = pinned.isThrough && pinned.restarts === 0;
  const pinnedText = holds
    ? `is done in ${pinned.steps} steps without a restart`
    : `is restarted ${pinned.restarts} times`;
  return {
    holds,
    figures: {
      pinnedIsThrough: pinned.isThrough,
      pinnedSteps: pinned.steps,
      pinnedRestarts: pinned.restarts,
      movedIsThrough: moved.isThrough,
      ...(mainline !== undefined && { mainlineIsThrough: mainline.isThrough }),
    },
    verdict:
      `pinned, an operation ${pinnedText}; moved at each stop it ` +
      `${moved.isThrough ? 'is done too' : 'never is'}` +
      (mainline === undefined
        ? ''
        : `; under mainline, pinned, it ${mainline.isThrough ? 'is done' : 'never is'}`),
  };
}

function judgeCoexistence(evidence: Evidence): Finding | undefined {
  const load = rowOf(evidence, LUTOMIRSKI)?.heavyLoad?.independent;
  if (load === undefined) return undefined;
  const restarts = restartsOf(load.attempts);
  const others = evidence.rows.filter(
    ({ profile, interference, heavyLoad }) =>
      profile !== LUTOMIRSKI &&
      interference !== undefined &&
      heavyLoad !== undefined &&
      restartsOf(heavyLoad.independent.attempts) > 0,
  );
  return {
    holds: restarts === 0 && load.attempts.committed > 0,
    figures: {
      preemptions: load.preemptions,
      committed: load.attempts.committed,
      restarts,
      otherAbisWithRestarts: others.length,
    },
    verdict:
      `two users on one vCPU, an object each: ${restarts} restarts in ${load.preemptions} preemptions` +
      `; ${others.length} other ABIs restart them`,
  };
}

function judgePreemption(evidence: Evidence): Finding | undefined {
  const restarts = rowOf(evidence, LUTOMIRSKI)?.interference?.restarts;
  if (restarts === undefined) return undefined;
  const { reschedule, 'other-task': otherTask } = restarts;
  return {
    holds: reschedule.restarted === 0 && otherTask.restarted === 0,
    figures: {
      positions: reschedule.positions,
      restartedByReschedule: reschedule.restarted,
      restartedByOtherTask: otherTask.restarted,
    },
    verdict:
      `rescheduled at ${reschedule.positions} places of a long section it restarts at ` +
      `${reschedule.restarted}, and at ${otherTask.restarted} if another task ran in between`,
  };
}

function judgeBogusCount(evidence: Evidence): Finding | undefined {
  const row = rowOf(evidence, LUTOMIRSKI)?.expectedCount;
  if (row === undefined) return undefined;
  const { bogus, truthful } = row;
  return {
    holds: bogus.restarted > 0 && truthful.restarted === 0,
    figures: {
      positions: bogus.positions,
      bogusRestarted: bogus.restarted,
      truthfulRestarted: truthful.restarted,
    },
    verdict:
      `rescheduled at ${bogus.positions} places while armed it restarts at ${bogus.restarted} with a ` +
      `bogus count and at ${truthful.restarted} with the right one`,
  };
}

function judgeHooks(evidence: Evidence): Finding | undefined {
  const rows = evidence.rows.filter((row) => row.interference !== undefined);
  if (rows.length === 0) return undefined;
  const missing = rows.filter((row) => {
    const { armed } = sumHooks(row.loads);
    return armed.switches === 0 || armed.hookCalls < armed.switches;
  });
  const spared = rows.filter(({ interference }) => {
    const restarts = interference?.restarts;
    if (restarts === undefined) return true;
    return restarts['conflict-unhooked'].restarted >= restarts.conflict.restarted;
  });
  const unarmed = rows.map((row) => sumHooks(row.loads).unarmed);
  const switches = unarmed.reduce((sum, each) => sum + each.switches, 0);
  const calls = unarmed.reduce((sum, each) => sum + each.hookCalls, 0);
  return {
    holds: missing.length === 0 && spared.length === 0,
    figures: {
      abis: rows.length,
      abisNotHookedAtEachSwitch: missing.length,
      abisThatNeedNoHook: spared.length,
      unarmedSwitches: switches,
      unarmedHookCalls: calls,
    },
    verdict:
      `${rows.length - missing.length} of ${rows.length} ABIs call the hook at every switch to ` +
      `an armed task; without it ${rows.length - spared.length} commit over a conflict; it is called ` +
      `for ${calls} of ${switches} switches to tasks with nothing armed too`,
  };
}

function judgeHeavyLoad(evidence: Evidence): Finding | undefined {
  const heavy = rowOf(evidence, LUTOMIRSKI)?.heavyLoad;
  if (heavy === undefined) return undefined;
  const { independent, contended } = heavy;
  const { committed } = independent.attempts;
  const each = committed === 0 ? 0 : independent.preemptions / committed;
  const restarts = restartsOf(independent.attempts);
  const contendedRestarts = restartsOf(contended.attempts);
  return {
    holds: isThrough(independent) && restarts === 0 && each >= HEAVY_PREEMPTIONS,
    figures: {
      isThrough: isThrough(independent),
      preemptionsPerSection: Number(each.toFixed(1)),
      restarts,
      contendedIsThrough: isThrough(contended),
      contendedRestarts,
      contendedCommitted: contended.attempts.committed,
    },
    verdict:
      `preempted ${each.toFixed(1)} times a section, long sections on objects of their own restart ` +
      `${restarts} times; with three tasks an object ${contended.attempts.committed} commit and ` +
      `${contendedRestarts} restart: real conflicts, but nobody need ever get through`,
  };
}

function judgeInterleaving(evidence: Evidence): Finding | undefined {
  const restarts = rowOf(evidence, LUTOMIRSKI)?.interference?.restarts;
  if (restarts === undefined) return undefined;
  const { independent, conflict } = restarts;
  return {
    holds: independent.restarted === 0 && conflict.restarted > 0,
    figures: {
      positions: independent.positions,
      restartedByIndependent: independent.restarted,
      restartedByConflict: conflict.restarted,
    },
    verdict:
      `a whole section on another object in between restarts it at ${independent.restarted} of ` +
      `${independent.positions} places, one on the same object at ${conflict.restarted}`,
  };
}

function judgeProtocol(evidence: Evidence): Finding | undefined {
  const protocol = rowOf(evidence, TURNER_V2)?.protocol;
  if (protocol === undefined) return undefined;
  const { order, isFailureAddressInRcx } = protocol;
  const hasOrder = order.join() === TURNER_ORDER.join();
  return {
    holds: hasOrder && isFailureAddressInRcx,
    figures: { order: order.join(', '), isFailureAddressInRcx },
    verdict:
      `one operation does: ${order.join(', ')}; its failure address is ` +
      `${isFailureAddressInRcx ? '' : 'not '}in rcx`,
  };
}
