import { assertNever } from '../../kernel-model/assert.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';

/** Decisions of the first chunk after a branch; each that follows has twice as many, up to a limit. */
const CHUNK_DECISIONS_MIN = 8;
const CHUNK_DECISIONS_MAX = 256;
/** Of each decision: the code of its kind, and the two numbers that it has at most. */
const NUMBERS = 3;

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

/** Decisions that follow those of `before`. Numbers are appended and never changed. */
interface Chunk {
  readonly before: DecisionsImage | undefined;
  readonly numbers: number[];
  /** How many of the numbers have been written. */
  used: number;
}

/** A list of decisions at one moment; shares what it can with longer and with shorter ones. Opaque. */
export interface DecisionsImage {
  readonly chunk: Chunk;
  /** How much of the chunk belongs to the list. */
  readonly chunkLength: number;
  /** Decisions in all. */
  readonly length: number;
}

/**
 * The decisions taken since boot. They are kept as numbers: objects would live on for as long as the
 * run, and each collection would move them. Going back to an image and on from there leaves all other
 * images as they are.
 */
export class DecisionLog {
  #chunk = newChunk(undefined, CHUNK_DECISIONS_MIN);
  #chunkLength = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#chunk = newChunk(undefined, CHUNK_DECISIONS_MIN);
    this.#chunkLength = 0;
    this.#length = 0;
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

  /** The run that was the last decision of `until` ended after so many instructions. */
  shortenRun({ chunk, chunkLength }: DecisionsImage, instructions: number): void {
    chunk.numbers[chunkLength - 1] = instructions;
  }

  #append(code: number, first: number, second: number): void {
    const at = this.#chunkLength;
    const chunk =
      at === this.#chunk.used && at < this.#chunk.numbers.length ? this.#chunk : this.#beginChunk();
    const { numbers } = chunk;
    numbers[chunk.used] = code;
    numbers[chunk.used + 1] = first;
    numbers[chunk.used + 2] = second;
    chunk.used += NUMBERS;
    this.#chunkLength = chunk.used;
    this.#length++;
  }

  /**
   * Begins a chunk: the one before is full, or its numbers beyond our part belong to another list that
   * went on from the same decisions.
   */
  #beginChunk(): Chunk {
    const { numbers } = this.#chunk;
    const isFull = this.#chunkLength === numbers.length;
    const twice = Math.min(2 * (numbers.length / NUMBERS), CHUNK_DECISIONS_MAX);
    this.#chunk = newChunk(this.save(), isFull ? twice : CHUNK_DECISIONS_MIN);
    return this.#chunk;
  }

  save(): DecisionsImage {
    return { chunk: this.#chunk, chunkLength: this.#chunkLength, length: this.#length };
  }

  restore({ chunk, chunkLength, length }: DecisionsImage): void {
    this.#chunk = chunk;
    this.#chunkLength = chunkLength;
    this.#length = length;
  }

  /** A copy of the decisions, as objects. */
  toArray(): Decision[] {
    const chunks: DecisionsImage[] = [];
    for (let at: DecisionsImage | undefined = this.save(); at !== undefined; at = at.chunk.before) {
      chunks.push(at);
    }
    return chunks.reverse().flatMap(decisionsOf);
  }
}

function newChunk(before: DecisionsImage | undefined, decisions: number): Chunk {
  return { before, numbers: new Array<number>(decisions * NUMBERS).fill(0), used: 0 };
}

function decisionsOf({ chunk, chunkLength }: DecisionsImage): Decision[] {
  const decisions: Decision[] = [];
  for (let at = 0; at < chunkLength; at += NUMBERS) {
    const [code = 0, first = 0, second = 0] = chunk.numbers.slice(at, at + NUMBERS);
    decisions.push(toDecision(code, first, second));
  }
  return decisions;
}

function toDecision(code: number, first: number, second: number): Decision {
  switch (code) {
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
