import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecisionLog, type DecisionsImage } from '../../emulator/machine/decision-log.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { decision as anyDecision } from './decision-arbitrary.ts';

/** What happens to a log: decisions are taken, it is saved, or put back to the image of that number. */
const operations = fc.array(
  fc.oneof(
    fc.array(anyDecision, { maxLength: 300 }).map((decisions) => ({ decisions })),
    fc.constant('save' as const),
    fc.nat(20).map((image) => ({ image })),
  ),
  { maxLength: 30 },
);

test('each image keeps its own decisions, wherever the log went on from it', () => {
  fc.assert(
    fc.property(operations, (all) => {
      const log = new DecisionLog();
      let expected: Decision[] = [];
      const saved: { image: DecisionsImage; expected: Decision[] }[] = [];
      for (const operation of all) {
        if (operation === 'save') saved.push({ image: log.save(), expected });
        else if ('decisions' in operation) {
          for (const decision of operation.decisions) log.push(decision);
          expected = [...expected, ...operation.decisions];
        } else {
          const target = saved[operation.image % Math.max(1, saved.length)];
          if (target !== undefined) {
            log.restore(target.image);
            expected = target.expected;
          }
        }
        expect(log.length).toBe(expected.length);
      }
      for (const each of [...saved, { image: log.save(), expected }]) {
        log.restore(each.image);
        expect(log.toArray()).toEqual(each.expected);
      }
      log.clear();
      expect(log.toArray()).toEqual([]);
    }),
    { numRuns: 50 },
  );
});
