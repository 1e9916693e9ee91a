import { beforeAll, describe, expect, test } from 'vitest';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../../emulator/explore/search/registry.ts';
import { runSearch, type SearchResult } from '../../../emulator/explore/search/run-search.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { Program } from '../../../emulator/machine/program.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { openTestMachine } from '../../machine/rig.ts';
import {
  align,
  assemble,
  callTo,
  exit,
  join,
  jumpIfNotZero,
  label,
  load,
  mov,
  type Part,
  raxToRdi,
  ret,
  startThread,
  store,
  syscall,
  systemCall,
  testRax,
  word,
} from '../../machine/tiny-program.ts';
import { section, sectionData } from './event-guests.ts';

const SIGUSR1 = 10;
const SIGCHLD = 17;
const SA_RESTORER = 0x400_0000;

const SYS = { sigaction: 13, yield: 24, getpid: 39, fork: 57, wait4: 61, kill: 62, tkill: 200 };

/** A section is busy for two instructions; whoever is caught then by a signal says so. */
const BUSY = {
  parts: [mov('rax', 1), store('busy'), mov('rax', 0), store('busy')],
  lengthBytes: 40,
};
/** The same without being busy. */
const IDLE = { ...BUSY, parts: [mov('rax', 0), store('busy'), mov('rax', 0), store('busy')] };

type Body = typeof BUSY;

/** The handler of `signal` exits with 1 if it finds the section busy. */
function watched(signal: number, body: Body, parts: readonly Part[]): Program {
  return assemble([
    ...systemCall(SYS.sigaction, signal, 'action', 0, 8),
    ...parts,
    label('handler'),
    load('busy'),
    testRax,
    jumpIfNotZero('caught'),
    ret,
    label('caught'),
    ...exit(1),
    label('restorer'),
    ...systemCall(15),
    align(4096),
    label('action'),
    word('handler'),
    word(SA_RESTORER),
    word('restorer'),
    word(0),
    ...['busy', 'tid'].flatMap((name) => [align(64), label(name), word(0)]),
    ...sectionData('a', body),
    word(0),
    align(4096),
    label('stack'),
    word(0),
  ]).program;
}

/** tkill(tid, SIGUSR1); `call` makes system calls. */
const tkill = (call: readonly Part[]): Part[] => [
  load('tid'),
  raxToRdi,
  mov('rsi', SIGUSR1),
  mov('rax', SYS.tkill),
  ...call,
];

/** The first task sends the second one, which has not run yet, a signal. */
const toThread = (body: Body) =>
  watched(SIGUSR1, body, [
    ...startThread('second', 'tid', 'stack'),
    ...tkill([syscall]),
    ...join('tid', 'second'),
    ...exit(0),
    label('second'),
    ...section('a', body),
    ...systemCall(60, 0),
  ]);

/** The same by an instruction that makes other system calls before. */
const byOneInstruction = (body: Body) =>
  watched(SIGUSR1, body, [
    ...[1, 2, 3].flatMap(() => [mov('rax', SYS.getpid), callTo('call')]),
    ...startThread('second', 'tid', 'stack'),
    ...tkill([callTo('call')]),
    ...join('tid', 'second'),
    ...exit(0),
    label('call'),
    syscall,
    ret,
    label('second'),
    ...section('a', body),
    ...systemCall(60, 0),
  ]);

/** The second task sends its process one, whose first task goes through the section afterwards. */
const toProcess = (body: Body) =>
  watched(SIGUSR1, body, [
    ...startThread('second', 'tid', 'stack'),
    ...systemCall(SYS.yield),
    ...section('a', body),
    ...join('tid', 'second'),
    ...exit(0),
    label('second'),
    ...systemCall(SYS.getpid),
    raxToRdi,
    mov('rsi', SIGUSR1),
    mov('rax', SYS.kill),
    syscall,
    ...systemCall(60, 0),
  ]);

/** The end of a child, which is over when the parent comes to its section. */
const toParent = (body: Body) =>
  watched(SIGCHLD, body, [
    ...systemCall(SYS.fork),
    testRax,
    jumpIfNotZero('parent'),
    ...exit(0),
    label('parent'),
    ...systemCall(SYS.yield),
    ...section('a', body),
    ...systemCall(SYS.wait4, -1, 0, 0, 0),
    ...exit(0),
  ]);

const GUESTS = { toThread, byOneInstruction, toProcess, toParent };

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

function search(
  name: keyof typeof SEARCH_STRATEGIES,
  program: Program,
  vcpus: number,
  preemptions: number,
): SearchResult {
  const searched = { program, profile: PROFILES['linux-6.18'], vcpus, seed: 1 };
  const bounds = { entries: 1, instructions: 50_000, signals: [], runs: 10, seed: 1, depth: 2 };
  const explorer = new Explorer(machine, searched, { ...bounds, preemptions });
  const searching = runSearch(SEARCH_STRATEGIES[name].open(explorer), () => false);
  for (;;) {
    const { done, value } = searching.next();
    if (done) return value;
  }
}

describe('a signal that a guest sends itself comes at each boundary of who receives it', () => {
  test.each(
    Object.entries(GUESTS).flatMap(([name, guest]) =>
      [1, 2].map((vcpus) => ({ name, guest, vcpus })),
    ),
  )('$name on $vcpus', ({ guest, vcpus }) => {
    for (const [name, preemptions] of [
      ['exhaustive', 1],
      ['preemption-bound', 2],
      ['dpor', 1],
    ] as const) {
      const found = search(name, guest(BUSY), vcpus, preemptions);
      expect(found.tally.failure?.outcome, name).toMatchObject({ kind: 'exit', status: 1 });
      // All orders of events on two vCPUs take long.
      if (name === 'dpor' && vcpus > 1) continue;
      expect(search(name, guest(IDLE), vcpus, preemptions).verdict, name).toBe('pass');
    }
  });

  test('the calls that send one are boundaries, and no others', () => {
    const { boundaries } = search('exhaustive', byOneInstruction(IDLE), 1, 1).plan;
    expect(boundaries.filter(({ places }) => places.includes('signal'))).toHaveLength(1);
    const alone = watched(SIGUSR1, IDLE, [...section('a', IDLE), ...exit(0)]);
    const { plan } = search('exhaustive', alone, 1, 1);
    expect(plan.boundaries.filter(({ places }) => places.includes('signal'))).toEqual([]);
  });
});
