import { SIGNATURE } from '../../kernel-model/rseq/section-case.ts';
import {
  AWAIT_HELPER,
  CELL,
  CPUID,
  GUEST,
  load8,
  NOP,
  RDTSC,
  store4,
  store8,
  systemCall,
} from './guest-code.ts';

/** What happens to the task at a place in its code. */
export interface GuestCause {
  readonly code: readonly number[];
  /** Steps of the script before the code is called, and after. */
  readonly before?: string;
  readonly after?: string;
  /** What of rax is comparable: process ids are not. */
  readonly keeps?: 'rax' | 'zero';
}

const SYS = {
  mprotect: 10,
  schedYield: 24,
  nanosleep: 35,
  getpid: 39,
  schedSetaffinity: 203,
  futex: 202,
  membarrier: 324,
  rseq: 334,
} as const;

const RSEQ_ARGS = [GUEST.area, 32, 0, SIGNATURE] as const;

function hex(value: number): string {
  return value.toString(16);
}

/** A system call of the task itself. */
function calls(number: number, ...args: readonly (number | bigint)[]): GuestCause {
  return { code: systemCall(number, ...args) };
}

/** What a second thread does while the task waits, in the words of a script. */
export function helper(cpu: number, script: string): GuestCause {
  return { before: `t ${cpu} ${script} .`, code: AWAIT_HELPER, after: 'j' };
}

function maskCall(mask: number): GuestCause {
  const code = [...store8(GUEST.mask, mask), ...systemCall(SYS.schedSetaffinity, 0, 8, GUEST.mask)];
  return { code };
}

/** Code that sleeps. */
export function nap(nanoseconds: number): GuestCause {
  const set = [...store8(GUEST.timespec, 0), ...store8(GUEST.timespec + 8, nanoseconds)];
  return { code: [...set, ...systemCall(SYS.nanosleep, GUEST.timespec, 0)] };
}

const SET_OWN_MASK = `S ${hex(SYS.schedSetaffinity)} @ 8 ${hex(GUEST.mask)}`;

/** Events and actions that need no signal handler and no other process. */
export const PLAIN_CAUSES: Readonly<Record<string, GuestCause>> = {
  nothing: { code: NOP },
  cpuid: { code: CPUID },
  rdtsc: { code: RDTSC },
  'a load': { code: load8(GUEST.area) },
  'a call that returns at once': { ...calls(SYS.getpid), keeps: 'zero' },
  'an unknown call': calls(1000),
  'a call that fails': calls(SYS.mprotect, 1, 4096, 0),
  'sched_yield alone': calls(SYS.schedYield),
  'nanosleep 0': nap(0),
  'a nap': nap(50_000),
  'a wait that times out': {
    code: [
      ...store8(GUEST.timespec, 0),
      ...store8(GUEST.timespec + 8, 50_000),
      ...systemCall(SYS.futex, GUEST.mask, 128, 0, GUEST.timespec),
    ],
    before: `V ${hex(GUEST.mask)} 0`,
  },
  'a wait that fails': calls(SYS.futex, GUEST.mask + 1, 128, 0, 0),
  'a move of its own': maskCall(2),
  'a change of affinity without a move': maskCall(1),
  'membarrier to all, alone': calls(SYS.membarrier, 128, 0, 0),
  'membarrier to its own CPU, alone': calls(SYS.membarrier, 128, 1, 0),
  'membarrier to another CPU, alone': calls(SYS.membarrier, 128, 1, 1),
  'registering again': calls(SYS.rseq, ...RSEQ_ARGS),
  'registering another area': calls(SYS.rseq, GUEST.otherArea, 32, 0, SIGNATURE),
  unregistering: calls(SYS.rseq, GUEST.area, 32, 1, SIGNATURE),
  'unregistering, registering': {
    code: [
      ...systemCall(SYS.rseq, GUEST.area, 32, 1, SIGNATURE),
      ...systemCall(SYS.rseq, ...RSEQ_ARGS),
    ],
  },
  'unregistering, then a nap': {
    code: [...systemCall(SYS.rseq, GUEST.area, 32, 1, SIGNATURE), ...nap(50_000).code],
  },
  'disarming, then a nap': { code: [...store8(CELL, 0), ...nap(50_000).code] },
  'spoiling the signature': { code: store4(GUEST.abort - 4, 1) },
  'spoiling the signature, then a nap': {
    code: [...store4(GUEST.abort - 4, 1), ...nap(50_000).code],
  },
  'spoiling the version, then a call': {
    code: [...store4(GUEST.descriptor, 1), ...systemCall(SYS.getpid)],
    keeps: 'zero',
  },
};

/** Causes that a second thread of the process brings about, on another CPU or the same. */
export const HELPER_CAUSES: Readonly<Record<string, GuestCause>> = {
  'a thread that does nothing': helper(1, ''),
  'another task on its CPU': helper(0, ''),
  'membarrier to all by another': helper(1, 'S 144 80 0 0'),
  'membarrier to its CPU by another': helper(1, 'S 144 80 1 0'),
  'membarrier to the CPU of the other': helper(1, 'S 144 80 1 1'),
  'membarrier to no CPU': helper(1, 'S 144 80 1 3e8'),
  'membarrier to CPU -1': helper(1, 'S 144 80 1 ffffffff'),
  'membarrier 2 by another': helper(1, 'S 144 2 0 0'),
  'membarrier 8 by another': helper(1, 'S 144 8 0 0'),
  'membarrier 32 by another': helper(1, 'S 144 20 0 0'),
  'membarrier to all of its own': {
    ...helper(1, ''),
    code: [...systemCall(SYS.membarrier, 128, 0, 0)],
  },
  'membarrier to its own CPU': {
    ...helper(1, ''),
    code: [...systemCall(SYS.membarrier, 128, 1, 0)],
  },
  'membarrier 8 of its own': { ...helper(1, ''), code: [...systemCall(SYS.membarrier, 8, 0, 0)] },
  'a move by another': {
    ...helper(1, SET_OWN_MASK),
    before: `V ${hex(GUEST.mask)} 2 t 1 ${SET_OWN_MASK} .`,
  },
  'a change of affinity by another': {
    ...helper(1, SET_OWN_MASK),
    before: `V ${hex(GUEST.mask)} 1 t 1 ${SET_OWN_MASK} .`,
  },
};
