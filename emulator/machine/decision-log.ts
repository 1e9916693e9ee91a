import { assertNever } from '../../kernel-model/assert.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';

const FIRST_CAPACITY = 1024;
const NUMBERS = 2;

/** What stands for each kind. */
const CODE = {
  run: 0,
  switch: 1,
  migrate: 2,
  place: 3,
  wake: 4,
  signal: 5,
  fence: 6,
  flush: 7,
} as const satisfies Record<Decision['kind'], number>;

/**
 * The decisions taken, as numbers in typed arrays: a list of objects would keep each of the millions
 * alive until the collector has moved it twice.
 */
export class DecisionLog {
  #kinds = new Uint8Array(FIRST_CAPACITY);
  #numbers = new Float64Array(FIRST_CAPACITY * NUMBERS);
  #length = 0;
  #capacity = FIRST_CAPACITY;

  get length(): number {
    return this.#length;
  }

  /** Goes back, or forward again to what an earlier cut left in place. */
  set length(length: number) {
    this.#length = length;
  }

  push(decision: Decision): void {
    switch (decision.kind) {
      case 'run':
        this.#append(CODE.run, decision.vcpu, decision.instructions);
        return;
      case 'switch':
        this.#append(CODE.switch, decision.vcpu, decision.task);
        return;
      case 'migrate':
        this.#append(CODE.migrate, decision.task, decision.vcpu);
        return;
      case 'place':
        this.#append(CODE.place, decision.task, decision.vcpu);
        return;
      case 'wake':
        this.#append(CODE.wake, decision.task, 0);
        return;
      case 'signal':
        this.#append(CODE.signal, decision.task, decision.signal);
        return;
      case 'fence':
        this.#append(CODE.fence, decision.vcpu, 0);
        return;
      case 'flush':
        this.#append(CODE.flush, decision.vcpu, 0);
        return;
      default:
        assertNever(decision);
    }
  }

  /** The run at `index` ended after so many instructions. */
  shortenRun(index: number, instructions: number): void {
    this.#numbers[index * NUMBERS + 1] = instructions;
  }

  #append(code: number, first: number, second: number): void {
    const index = this.#length++;
    if (index === this.#capacity) this.#grow();
    this.#kinds[index] = code;
    this.#numbers[index * NUMBERS] = first;
    this.#numbers[index * NUMBERS + 1] = second;
  }

  #grow(): void {
    this.#capacity *= 2;
    const kinds = new Uint8Array(this.#capacity);
    kinds.set(this.#kinds);
    this.#kinds = kinds;
    const numbers = new Float64Array(this.#capacity * NUMBERS);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }

  /** A copy of the decisions, as objects. */
  toArray(): Decision[] {
    return Array.from({ length: this.#length }, (_, index) => this.#at(index));
  }

  #at(index: number): Decision {
    const first = this.#numbers[index * NUMBERS] ?? 0;
    const second = this.#numbers[index * NUMBERS + 1] ?? 0;
    switch (this.#kinds[index]) {
      case CODE.run:
        return { kind: 'run', vcpu: first, instructions: second };
      case CODE.switch:
        return { kind: 'switch', vcpu: first, task: second };
      case CODE.migrate:
        return { kind: 'migrate', task: first, vcpu: second };
      case CODE.place:
        return { kind: 'place', task: first, vcpu: second };
      case CODE.wake:
        return { kind: 'wake', task: first };
      case CODE.signal:
        return { kind: 'signal', task: first, signal: second };
      case CODE.fence:
        return { kind: 'fence', vcpu: first };
      default:
        return { kind: 'flush', vcpu: first };
    }
  }
}
