import { expect, test } from 'vitest';
import { PROFILES } from '../../../../kernel-model/rseq/registry.ts';
import { TestMachine } from '../../harness.ts';
import { HISTORICAL_FIXTURES } from './fixtures.ts';

const BASE = 0x7000_0000;
const PAGE_BYTES = 4096;

/** A task in the middle of a section that nothing has happened to, as a handler is to be called. */
function deliverInside(name: keyof typeof HISTORICAL_FIXTURES): string {
  const machine = new TestMachine({ profile: PROFILES[name] });
  const { rseq } = PROFILES[name];
  machine.space.map({
    start: BASE,
    end: BASE + PAGE_BYTES,
    protection: 3,
    shared: false,
    name: 't',
  });
  const context = machine.kernel.rseqContext(machine.task(1));
  HISTORICAL_FIXTURES[name].register(context, BASE);
  rseq.onResume(context);
  HISTORICAL_FIXTURES[name].arm(context, BASE);
  // What the section read at its start, and the count it expects, are as they were.
  context.registers.write('rdx', context.memory.readU64(BASE) ?? 0n);
  if (name === 'lutomirski-2016') context.memory.writeU64(BASE + 0x600, 7n);
  if (name === 'lutomirski-2016') context.memory.writeU32(BASE + 20, 0);
  return rseq.onSignal(context).kind;
}

test.each([
  ['turner-v1', 'aborted', 'ranges are looked up before a signal [V1s]'],
  ['turner-v2', 'aborted', 'a signal is somebody else (inferred)'],
  ['lutomirski-2016', 'resumed', 'only a conflict aborts [SEED]'],
  ['desnoyers-2016a', 'aborted', 'delivering is a resume (inferred)'],
  ['desnoyers-2016b', 'aborted', 'delivering is a resume (inferred)'],
  ['rfc-2017', 'aborted', 'a signal is an event [R17]'],
  ['getcpu-cache', 'resumed', 'nothing aborts [GCC]'],
  ['thread-local-abi', 'resumed', 'nothing aborts [TLA]'],
] as const)('%s: a handler called inside a section finds it %s: %s', (name, kind, _source) => {
  expect(deliverInside(name)).toBe(kind);
});
