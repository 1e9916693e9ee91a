import { describe, expect, test } from 'vitest';
import { ScriptModel } from './script.ts';
import { expectedLines, toSteps } from './section-case.ts';
import { SECTION_CASES } from './section-cases.ts';

describe('a task that is rescheduled with', () => {
  test.each([...SECTION_CASES])('%s', (_, cases) => {
    const model = new ScriptModel();
    const found = cases.map((one) => ({ name: one.name, lines: model.run(toSteps(one)) }));
    const expected = cases.map((one) => ({ name: one.name, lines: expectedLines(one) }));
    expect(found).toEqual(expected);
  });
});
