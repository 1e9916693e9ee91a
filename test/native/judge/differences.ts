import { expect } from 'vitest';
import { type Triple, tripleOf } from './judge-case.ts';

/** Demands that a kernel and the model answer every case alike; prints how many there were. */
export function expectNoDifference(
  name: string,
  cases: readonly Triple[],
  kernel: readonly string[],
  model: readonly string[],
): void {
  expect([kernel.length, model.length]).toEqual([cases.length, cases.length]);
  const differences = cases.flatMap((one, i) =>
    kernel[i] === model[i] ? [] : [{ case: tripleOf(one), kernel: kernel[i], model: model[i] }],
  );
  const triples = new Set(cases.map(tripleOf)).size;
  console.log(
    `${name}: ${cases.length} cases, ${triples} triples, ${differences.length} differences`,
  );
  expect(differences.slice(0, 10)).toEqual([]);
}
