import { expect, test } from 'vitest';
import { formatProgress } from '../../emulator/cli/progress-line.ts';
import { estimateRemaining } from '../../emulator/explore/campaign/estimate.ts';
import { EMPTY_TALLY } from '../../emulator/explore/search/tally.ts';

const PROGRESS = {
  ...{ schedules: 1234, distinctStates: 2345, unitsExplored: 12, units: 40 },
  ...{ seconds: 2, schedulesPerSecond: 617.4 },
};

test.each([
  [undefined, ''],
  [3.2, ', about 4 s left'],
  [150, ', about 3 min left'],
  [7200, ', about 2 h left'],
  [200_000, ', about 2 days left'],
])('the line of progress with %s s left', (secondsLeft, end) => {
  expect(formatProgress({ ...PROGRESS, secondsLeft })).toBe(
    `1234 schedules, 2345 states, 617/s, 12 of 40 parts${end}`,
  );
});

test('what remains is estimated from the parts explored, later stages from those before', () => {
  const units = [0, 1, 1, 2, 2, 2].map((stage, index) => ({ stage, from: index, to: index }));
  const tallies = (...schedules: readonly number[]) =>
    schedules.map((count) => ({ ...EMPTY_TALLY, schedules: count }));
  expect(estimateRemaining(units, [])).toBeUndefined();
  expect(estimateRemaining(units, tallies(1))).toBeUndefined();
  // 20 singles, so 20 * 20 / 2 pairs.
  expect(estimateRemaining(units, tallies(1, 10))).toBe(10 + 200);
  expect(estimateRemaining(units, tallies(1, 10, 10))).toBe(200);
  expect(estimateRemaining(units, tallies(1, 10, 10, 50))).toBe(100);
  expect(estimateRemaining(units, tallies(1, 10, 10, 50, 10, 10))).toBe(0);
});
