import type { DecidingPair } from '../explore/failure/deciding.ts';
import type { Passed } from '../explore/failure/play.ts';
import type { TracedEvent, TracedStep } from '../explore/failure/trace.ts';
import type { ProgramImage } from '../loader/image.ts';
import { Disassembler } from '../stepping/disassembler.ts';
import { describePlaced } from './placed.ts';
import { plural } from './summary.ts';

/** How an interleaving is laid out. */
export interface InterleavingLayout {
  /** Columns of the terminal. */
  readonly width: number;
  /** Names the source line of an instruction, where the program says it. */
  readonly sourceLine?: ((address: number) => string | undefined) | undefined;
}

/** Instructions shown before and after what matters. */
const CONTEXT_STEPS = 3;
/** Sections longer than this are not shown whole. */
const SECTION_STEPS_MAX = 24;
const COLUMN_MIN = 30;
const MARK_COLUMNS = 2;
const SYMBOL_COLUMNS = 16;

/**
 * The instructions around the interruptions of a run, a column for each task, downwards in the order of
 * execution: `|` marks those inside an armed section, `*` the pair whose order decides.
 */
export function formatInterleaving(
  events: readonly TracedEvent[],
  pair: DecidingPair | undefined,
  stops: readonly Passed[],
  image: ProgramImage,
  layout: InterleavingLayout,
): string[] {
  const shown = eventsToShow(events, pair, stops);
  const tasks = [...new Set(events.flatMap((e, i) => (shown.has(i) ? [taskOf(e)] : [])))];
  tasks.sort((a, b) => a - b);
  if (tasks.length === 0) return [];
  const fitting = Math.max(1, Math.floor(layout.width / COLUMN_MIN));
  const count = Math.min(tasks.length, fitting);
  const column = Math.floor(layout.width / count);
  const printer = new RowPrinter(tasks, column, count, pair, image, layout);
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
  return lines.map((line) => line.trimEnd());
}

/** Whether a step is the last one of whoever ran instead, before it was stopped. */
function isBeforeStop(event: TracedEvent, stops: readonly Passed[]): boolean {
  if (event.kind !== 'step') return false;
  return stops.some(({ task, retired }) => task === event.task && retired === event.retired + 1);
}

/** Indices of the events around interruptions, stops and the pair; else those at the run's end. */
function eventsToShow(
  events: readonly TracedEvent[],
  pair: DecidingPair | undefined,
  stops: readonly Passed[],
): ReadonlySet<number> {
  const shown = new Set<number>();
  const showAround = (index: number, task: number, before: number, after: number): void => {
    shown.add(index);
    for (const [direction, most] of [[-1, before] as const, [1, after] as const]) {
      let left = most;
      for (let i = index + direction; left > 0 && i >= 0 && i < events.length; i += direction) {
        const event = events[i];
        if (event === undefined || taskOf(event) !== task) continue;
        if (event.kind === 'interrupted') break;
        shown.add(i);
        left--;
      }
    }
  };
  events.forEach((event, index) => {
    if (event.kind === 'interrupted') {
      showAround(index, event.placed.task, CONTEXT_STEPS, CONTEXT_STEPS);
      const next = events.findIndex((later, i) => i > index && later.kind === 'step');
      const runner = events[next];
      if (runner !== undefined) showAround(next, taskOf(runner), 0, 1);
    } else if (isBeforeStop(event, stops)) {
      showAround(index, taskOf(event), CONTEXT_STEPS, 0);
    } else if (event === pair?.first || event === pair?.second) {
      showAround(index, taskOf(event), 1, 1);
    }
  });
  if (shown.size === 0) {
    const last = events.findLastIndex((event) => event.kind === 'step');
    const event = events[last];
    if (event !== undefined) showAround(last, taskOf(event), 3 * CONTEXT_STEPS, 1);
  }
  showSections(events, shown);
  return shown;
}

/** The whole of each short section of which a part is shown, with its end. */
function showSections(events: readonly TracedEvent[], shown: Set<number>): void {
  const current = new Map<number, number[]>();
  events.forEach((event, index) => {
    const task = taskOf(event);
    const own = current.get(task) ?? [];
    if (event.kind === 'step' && event.inside !== undefined) {
      current.set(task, [...own, index]);
    } else if (event.kind === 'section end' || event.kind === 'step') {
      const isShown = own.some((each) => shown.has(each));
      if (isShown && own.length <= SECTION_STEPS_MAX) for (const each of own) shown.add(each);
      if (isShown && event.kind === 'section end') shown.add(index);
      if (event.kind === 'step') current.delete(task);
    }
  });
}

function taskOf(event: TracedEvent): number {
  return event.kind === 'interrupted' ? event.placed.task : event.task;
}

class RowPrinter {
  readonly #tasks: readonly number[];
  readonly #column: number;
  readonly #count: number;
  readonly #pair: DecidingPair | undefined;
  readonly #image: ProgramImage;
  readonly #layout: InterleavingLayout;
  readonly #disassembler: Disassembler;
  readonly #lastLine = new Map<number, string>();

  constructor(
    tasks: readonly number[],
    column: number,
    count: number,
    pair: DecidingPair | undefined,
    image: ProgramImage,
    layout: InterleavingLayout,
  ) {
    this.#tasks = tasks;
    this.#column = column;
    this.#count = count;
    this.#pair = pair;
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
    return [`${text} of tasks ${tasks.sort((a, b) => a - b).join(', ')}`];
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
    const mark = step === this.#pair?.first || step === this.#pair?.second ? '*' : ' ';
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
