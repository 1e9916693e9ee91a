import type { SymbolTable } from '../loader/symbols.ts';
import { Disassembler } from './disassembler.ts';
import type { SectionMark, StepRecord } from './session.ts';

const ADDRESS_DIGITS = 8;
const SYMBOL_COLUMNS = 24;
const INSTRUCTION_COLUMNS = 36;
/** Failed attempts at a section that are shown before the rest of them is left out. */
const ATTEMPTS_SHOWN = 2;

/** Prints steps: one line each, with the first instruction that it retired. */
export class StepPrinter {
  readonly #symbols: SymbolTable;
  readonly #task: number;
  readonly #print: (line: string) => void;
  readonly #disassembler: Disassembler;
  #leftOut = 0;

  constructor(symbols: SymbolTable, task: number, print: (line: string) => void) {
    this.#symbols = symbols;
    this.#task = task;
    this.#print = print;
    this.#disassembler = new Disassembler(symbols);
  }

  add(step: StepRecord): void {
    if (step.failuresInRow > ATTEMPTS_SHOWN) {
      if (this.#leftOut++ === 0) this.#note('the same again and again: not shown');
      return;
    }
    this.finish();
    const address = step.from.toString(16).padStart(ADDRESS_DIGITS, '0');
    const symbol = this.#symbols.format(step.from).padEnd(SYMBOL_COLUMNS);
    const text = this.#disassembler.format(step.from, step.code).padEnd(INSTRUCTION_COLUMNS);
    this.#note(`0x${address}  ${symbol}  ${text}  ${this.#describe(step)}`.trimEnd());
  }

  /** Says how many steps were left out, if any were. */
  finish(): void {
    if (this.#leftOut > 0) this.#note(`${this.#leftOut} steps were not shown`);
    this.#leftOut = 0;
  }

  #note(text: string): void {
    this.#print(`[${this.#task}] ${text}`);
  }

  #describe(step: StepRecord): string {
    const notes = step.marks.map((mark) => this.#describeMark(mark, step));
    if (step.instructions > 1) notes.unshift(`${step.instructions} instructions`);
    return notes.length === 0 ? '' : `; ${notes.join(', ')}`;
  }

  #describeMark({ kind, region }: SectionMark, { to }: StepRecord): string {
    switch (kind) {
      case 'entered':
        return `enters section ${this.#symbols.format(region.start ?? region.end)}`;
      case 'committed':
        return 'commits';
      case 'aborted':
        return `aborted, to ${this.#symbols.format(region.abort ?? to)}`;
      case 'gave up':
        return `gives up, to ${this.#symbols.format(to)}`;
      case 'exited':
        return `leaves the section, to ${this.#symbols.format(to)}`;
    }
  }
}
