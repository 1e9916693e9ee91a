import { defineConfig } from 'vitest/config';
import ClosingReporter from './test/support/closing-reporter.ts';
import { isFullRun } from './test/support/matrix.ts';

const second = 1000;
const minute = 60 * second;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A crash in native code must not take down the run. Each file in a process of its own would load
    // all code anew: a third of the time.
    pool: 'forks',
    isolate: false,
    maxWorkers: '100%',
    testTimeout: isFullRun ? 10 * minute : 30 * second,
    hookTimeout: isFullRun ? 10 * minute : minute,
    allowOnly: false,
    restoreMocks: true,
    unstubEnvs: true,
    reporters: ['default', new ClosingReporter()],
  },
});
