import fc from 'fast-check';
import type { Decision } from '../../kernel-model/sched/decision.ts';

const vcpu = fc.nat(63);
const task = fc.integer({ min: 1, max: 100_000 });

/** Any decision, of every kind. */
export const decision: fc.Arbitrary<Decision> = fc.oneof(
  fc.record({
    kind: fc.constant('run' as const),
    vcpu,
    instructions: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.constant(2 ** 31)),
  }),
  fc.record({ kind: fc.constant('switch' as const), vcpu, task }),
  fc.record({ kind: fc.constant('migrate' as const), task, vcpu }),
  fc.record({ kind: fc.constant('place' as const), task, vcpu }),
  fc.record({ kind: fc.constant('wake' as const), task }),
  fc.record({
    kind: fc.constant('signal' as const),
    task,
    signal: fc.integer({ min: 1, max: 64 }),
  }),
  fc.record({ kind: fc.constant('fence' as const), vcpu }),
  fc.record({ kind: fc.constant('flush' as const), vcpu }),
);
