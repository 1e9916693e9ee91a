import type { Explanation } from '../explore/failure/explain.ts';
import type { Passed } from '../explore/failure/play.ts';
import type { TracedEvent, TracedStep } from '../explore/failure/trace.ts';
import type { ProgramImage } from '../loader/image.ts';
import { Disassembler } from '../stepping/disassembler.ts';
import { describePlaced } from './placed.ts';
import { eventsToShow, isBeforeStop, suspectOf, taskOf } from './shown-events.ts';
import { plural } from './summary.ts';

/** How an interleaving is laid out. */
export interface InterleavingLayout {
  /** Columns of the terminal. */
  readonly width: number;
  /** Names the source line of an instruction, where the program says it. */
  readonly sourceLine?: ((address: number) => string | undefined) | undefined;
}

const COLUMN_MIN = 30;
const MARK_COLUMNS = 2;
const SYMBOL_COLUMNS = 16;

/**
 * The instructions around the interruptions of a run, a column for each task, downwards in the order of
 * execution: `|` marks those inside an armed section, `*` the pair whose order decides, `>` the one
 * to look at first. The last line says so.
 */
export function formatInterleaving(
  { events, pair, culprit }: Pick<Explanation, 'events' | 'pair' | 'culprit'>,
  stops: readonly Passed[],
  image: ProgramImage,
  layout: InterleavingLayout,
): string[] {
  const suspect = suspectOf(events, culprit);
  const shown = eventsToShow(events, { pair, suspect }, stops);
  const tasks = [...new Set(events.flatMap((e, i) => (shown.has(i) ? [taskOf(e)] : [])))];
  tasks.sort((a, b) => a - b);
  if (tasks.length === 0) return [];
  const fitting = Math.max(1, Math.floor(layout.width / COLUMN_MIN));
  const count = Math.min(tasks.length, fitting);
  const column = Math.floor(layout.width / count);
  const marks = new Map<TracedEvent, string>();
  if (suspect !== undefined) marks.set(suspect, '>');
  for (const one of pair === undefined ? [] : [pair.first, pair.second]) marks.set(one, '*');
  const printer = new RowPrinter(tasks, column, count, marks, image, layout);
  const lines = [printer.header()];
  let skipped: TracedEvent[] = [];
  let stopped: number | undefined;
  events.forEach((event, index) => {
    if (!shown.has(index)) {
      skipped.push(event);
      return;
    }
    if (stopped !== undefined && event.kind !== 'section end') {
      lines.push(printer.stop(stopped));
      stopped = undefined;
    }
    lines.push(...printer.gap(skipped), ...printer.rows(event));
    if (isBeforeStop(event, stops)) stopped = taskOf(event);
    skipped = [];
  });
  lines.push(...printer.gap(skipped));
  const isMarked = [...marks.values()].includes('>');
  lines.push(`| inside an armed section${isMarked ? '   > to look at first' : ''}`);
  return lines.map((line) => line.trimEnd());
}

class RowPrinter {
  readonly #tasks: readonly number[];
  readonly #column: number;
  readonly #count: number;
  readonly #marks: ReadonlyMap<TracedEvent, string>;
  readonly #image: ProgramImage;
  readonly #layout: InterleavingLayout;
  readonly #disassembler: Disassembler;
  readonly #lastLine = new Map<number, string>();

  constructor(
    tasks: readonly number[],
    column: number,
    count: number,
    marks: ReadonlyMap<TracedEvent, string>,
    image: ProgramImage,
    layout: InterleavingLayout,
  ) {
    this.#tasks = tasks;
    this.#column = column;
    this.#count = count;
    this.#marks = marks;
    this.#image = image;
    this.#layout = layout;
    this.#disassembler = new Disassembler(image.symbols);
  }

  header(): string {
    const titles = this.#tasks.map((task) => `  task ${task}`);
    if (this.#tasks.length > this.#count) return titles.join(',');
    return titles.map((title) => title.padEnd(this.#column)).join('');
  }

  gap(skipped: readonly TracedEvent[]): string[] {
    const steps = skipped.filter(({ kind }) => kind === 'step' || kind === 'untraced');
    if (steps.length === 0) return [];
    const instructions = steps.reduce(
      (sum, event) => sum + (event.kind === 'untraced' ? event.instructions : 1),
      0,
    );
    const tasks = [...new Set(steps.map(taskOf))];
    const text = `  ... ${plural(instructions, 'instruction')}`;
    const [only = 0] = tasks;
    if (tasks.length === 1 && this.#tasks.includes(only)) return [this.#place(only, text)];
    const whose = tasks.length === 1 ? 'task' : 'tasks';
    return [`${text} of ${whose} ${tasks.sort((a, b) => a - b).join(', ')}`];
  }

  /** Whoever ran instead is stopped. */
  stop(task: number): string {
    return `--- task ${task} is stopped `.padEnd(this.#layout.width, '-');
  }

  rows(event: TracedEvent): string[] {
    switch (event.kind) {
      case 'step':
        return this.#step(event);
      case 'interrupted':
        return [
          `--- ${describePlaced(event.placed, this.#image)} `.padEnd(this.#layout.width, '-'),
        ];
      case 'section end':
        return [this.#place(event.task, `  ${this.#describeEnd(event)}`)];
      case 'untraced':
        return this.gap([event]);
    }
  }

  #step(step: TracedStep): string[] {
    const mark = this.#marks.get(step) ?? ' ';
    const inside = step.inside === undefined ? ' ' : '|';
    const symbol = this.#image.symbols.format(step.address);
    const text = this.#disassembler.format(step.address, step.code);
    const row = `${mark}${inside}${symbol.padEnd(SYMBOL_COLUMNS)} ${text}`;
    const line = this.#layout.sourceLine?.(step.address);
    if (line === undefined || line === this.#lastLine.get(step.task)) {
      return [this.#place(step.task, row)];
    }
    this.#lastLine.set(step.task, line);
    return [
      this.#place(step.task, `${' '.repeat(MARK_COLUMNS)}${line}:`),
      this.#place(step.task, row),
    ];
  }

  #describeEnd({ end, region }: TracedEvent & { kind: 'section end' }): string {
    switch (end) {
      case 'committed':
        return '+-- commits';
      case 'aborted':
        return `+-> aborted, to ${this.#image.symbols.format(region.abort ?? region.end)}`;
      case 'gave up':
        return '+-- gives up';
      case 'exited':
        return '+-- leaves the section';
    }
  }

  /** A text in its task's column, cut to fit; where columns do not fit, behind the task's number. */
  #place(task: number, text: string): string {
    if (this.#tasks.length > this.#count)
      return `${`[${task}]`.padEnd(5)}${text}`.slice(0, this.#layout.width);
    const before = this.#tasks.indexOf(task) * this.#column;
    const room = this.#column - 1;
    const cut = text.length > room ? `${text.slice(0, room - 1)}~` : text;
    return `${' '.repeat(before)}${cut}`;
  }
}
