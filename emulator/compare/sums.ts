import type { HookCounts } from './counting-variant.ts';
import type { LoadRow } from './load.ts';

/** What the kernel did at the switches of several runs together. */
export function sumHooks(loads: readonly Pick<LoadRow, 'hooks'>[]): HookCounts {
  const sum = (part: (hooks: HookCounts) => number): number =>
    loads.reduce((total, { hooks }) => total + part(hooks), 0);
  return {
    armed: {
      switches: sum(({ armed }) => armed.switches),
      hookCalls: sum(({ armed }) => armed.hookCalls),
    },
    unarmed: {
      switches: sum(({ unarmed }) => unarmed.switches),
      hookCalls: sum(({ unarmed }) => unarmed.hookCalls),
    },
    stores: sum(({ stores }) => stores),
    bytes: sum(({ bytes }) => bytes),
  };
}
