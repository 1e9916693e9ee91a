import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, TestModule, TestSuite, Vitest } from 'vitest/node';
import { type AllowedSkip, forbiddenSkips, type SkippedTest } from './skip-policy.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: SkippedTest[];
}

/**
 * Closes a run with the reason of every skipped test and the line `N passed, N failed, N skipped`,
 * where a skip that is not allowed counts as a failure, and fails the run. A file or suite that
 * broke outside its tests, and an error that no test caught, count as one failure each.
 */
export default class ClosingReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts: Counts = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) {
      this.#count(module, counts);
    }
    const inCi = process.env.CI === 'true';
    const forbidden = forbiddenSkips(counts.skipped, readAllowedSkips(), inCi);
    for (const skip of counts.skipped) {
      const verdict = forbidden.includes(skip) ? 'FAILED, not to be skipped' : 'skipped';
      this.#print(`${verdict}: ${skip.test}: ${skip.reason ?? 'no reason given'}`);
    }
    const failed = counts.failed + forbidden.length;
    const skipped = counts.skipped.length - forbidden.length;
    this.#print(`${counts.passed} passed, ${failed} failed, ${skipped} skipped`);
    if (failed > 0) {
      process.exitCode = 1;
    }
  }

  #print(line: string): void {
    this.#vitest?.logger.log(line);
  }

  #count(module: TestModule, counts: Counts): void {
    const file = relative(this.#vitest?.config.root ?? '', module.moduleId);
    const isFiltered = this.#vitest?.config.testNamePattern !== undefined;
    counts.failed += [module, ...module.children.allSuites()].filter(isBroken).length;
    for (const test of module.children.allTests()) {
      const result = test.result();
      switch (result.state) {
        case 'passed':
          counts.passed += 1;
          break;
        case 'skipped':
          if (result.note !== undefined || !isFiltered) {
            counts.skipped.push({ test: `${file} > ${test.fullName}`, reason: result.note });
          }
          break;
        case 'failed':
        case 'pending':
          counts.failed += 1;
          break;
      }
    }
  }
}

function isBroken(suite: TestModule | TestSuite): boolean {
  return suite.errors().length > 0;
}

function readAllowedSkips(): readonly AllowedSkip[] {
  return JSON.parse(readFileSync(new URL('./allowed-skips.json', import.meta.url), 'utf8'));
}
