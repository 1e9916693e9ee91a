import { beforeEach, describe, expect, test } from 'vitest';
import { type SectionEnd, Sections } from '../../emulator/machine/sections.ts';
import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';

const TASK = 1;
const OTHER_TASK = 2;
const BEFORE = 0x0fc;
const START = 0x100;
const INSIDE = 0x108;
const LAST = 0x11c;
const END = 0x120;
const ABORT = 0x200;
const region: ArmedRegion = { source: 0x1000, start: START, end: END, abort: ABORT };
const other: ArmedRegion = { source: 0x2000, start: 0x300, end: 0x320, abort: ABORT };

let sections: Sections;
let ends: (readonly [task: number, end: SectionEnd])[];

beforeEach(() => {
  ends = [];
  sections = new Sections((task, end) => ends.push([task, end]));
});

/** The task executes its first instruction, armed. */
function enter(task = TASK): void {
  sections.boundary(task, region, START, BEFORE);
}

function expectEnd(end: SectionEnd): void {
  expect(ends).toEqual([[TASK, end]]);
  expect(sections.inFlight(TASK)).toBeUndefined();
  const { entered, committed, aborted, exited } = sections.counts;
  expect({ committed, aborted, exited }).toEqual({ committed: 0, aborted: 0, exited: 0, [end]: 1 });
  expect(entered).toBe(1);
}

describe('a section is entered', () => {
  test('when its first instruction executes while armed', () => {
    enter();
    expect(sections.counts).toEqual({ entered: 1, committed: 0, aborted: 0, exited: 0 });
    expect(sections.inFlight(TASK)).toBe(region);
    expect(sections.inFlight(OTHER_TASK)).toBeUndefined();
  });

  test('not when nothing, or another region, is armed', () => {
    sections.boundary(TASK, undefined, START, BEFORE);
    sections.boundary(TASK, other, START, BEFORE);
    expect(sections.counts.entered).toBe(0);
  });

  test('once, though it loops to its first instruction', () => {
    enter();
    sections.boundary(TASK, region, START, INSIDE);
    expect(sections.counts).toEqual({ entered: 1, committed: 0, aborted: 0, exited: 0 });
  });

  test('again after it was left, even without its end having been seen', () => {
    enter();
    sections.boundary(TASK, region, START, ABORT);
    expect(sections.counts).toEqual({ entered: 2, committed: 0, aborted: 0, exited: 1 });
  });

  test('out of another one, which is left by that', () => {
    enter();
    sections.boundary(TASK, other, 0x300, INSIDE);
    expect(sections.counts).toEqual({ entered: 2, committed: 0, aborted: 0, exited: 1 });
    expect(sections.inFlight(TASK)).toBe(other);
  });

  test('by each task for itself', () => {
    enter();
    enter(OTHER_TASK);
    sections.boundary(OTHER_TASK, region, END, LAST);
    expect(ends).toEqual([[OTHER_TASK, 'committed']]);
    expect(sections.inFlight(TASK)).toBe(region);
  });
});

describe('a section ends', () => {
  test.each([LAST, INSIDE, START])('committed at its end, from 0x%x', (previous) => {
    enter();
    sections.boundary(TASK, region, END, previous);
    expectEnd('committed');
  });

  test('exited when its end is come to from elsewhere', () => {
    enter();
    sections.boundary(TASK, region, END, ABORT);
    expectEnd('exited');
  });

  test('committed though it was disarmed meanwhile', () => {
    enter();
    sections.boundary(TASK, undefined, END, LAST);
    expectEnd('committed');
  });

  test('when a slice stops outside: committed right behind it, else exited', () => {
    enter();
    sections.settle(TASK, END, LAST);
    expectEnd('committed');
    enter();
    sections.settle(TASK, ABORT, INSIDE);
    expect(sections.counts.exited).toBe(1);
    enter();
    sections.settle(TASK, END, ABORT);
    expect(sections.counts.exited).toBe(2);
  });

  test('not when a slice stops inside, nor when none is in flight', () => {
    sections.settle(TASK, ABORT, INSIDE);
    enter();
    sections.settle(TASK, INSIDE, START);
    sections.settle(TASK, START, INSIDE);
    expect(ends).toEqual([]);
  });

  test('aborted, with where it was', () => {
    enter();
    sections.aborted(TASK, region, INSIDE);
    expectEnd('aborted');
    expect([...sections.abortsAt]).toEqual([[INSIDE, 1]]);
  });

  test('aborted even before its first instruction, and is entered for that', () => {
    sections.aborted(TASK, region, START);
    expectEnd('aborted');
    sections.aborted(TASK, region, START);
    expect([...sections.abortsAt]).toEqual([[START, 2]]);
  });
});

test('what is saved is put back, and not changed by what happens later', () => {
  enter();
  sections.aborted(OTHER_TASK, region, INSIDE);
  const image = sections.save();
  expect(sections.save()).toBe(image);
  sections.boundary(TASK, region, END, LAST);
  sections.aborted(OTHER_TASK, region, INSIDE);
  const later = sections.save();
  sections.restore(image);
  expect(sections.counts).toEqual({ entered: 2, committed: 0, aborted: 1, exited: 0 });
  expect(sections.inFlight(TASK)).toBe(region);
  expect([...sections.abortsAt]).toEqual([[INSIDE, 1]]);
  sections.restore(later);
  expect(sections.counts).toEqual({ entered: 3, committed: 1, aborted: 2, exited: 0 });
  expect([...sections.abortsAt]).toEqual([[INSIDE, 2]]);
});

test('a region without a start begins at address zero', () => {
  const open: ArmedRegion = { ...region, start: undefined };
  sections.aborted(TASK, open, 4);
  expect(sections.counts).toMatchObject({ entered: 1, aborted: 1 });
});
