import { beforeEach, describe, expect, test } from 'vitest';
import { type SectionEnd, Sections } from '../../emulator/machine/sections.ts';
import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';

const TASK = 1;
const STORE = 0x110;
const NEXT = 0x118;
const END = 0x120;
const FAILURE = 0x200;
/** As a post-commit address alone arms it. */
const open: ArmedRegion = { source: END, start: undefined, end: END, abort: FAILURE };
/** As in 2017: its first instruction comes before the store that arms it. */
const early: ArmedRegion = { source: 0x1000, start: 0x100, end: END, abort: FAILURE };
/** As merged: the store comes right before it. */
const mainline: ArmedRegion = { source: 0x2000, start: NEXT, end: END, abort: FAILURE };

let sections: Sections;
let ends: SectionEnd[];

beforeEach(() => {
  ends = [];
  sections = new Sections((_, end) => ends.push(end));
});

/** The arming store retires and then another instruction. */
function enter(region: ArmedRegion): void {
  sections.armingStored(TASK, region, STORE);
  sections.settle(TASK, NEXT + 4, NEXT);
}

describe.each([
  ['without lower bound', open],
  ['that begins before its arming store', early],
])('a section %s', (_, region) => {
  test('is entered when an instruction after the arming store has retired', () => {
    sections.armingStored(TASK, region, STORE);
    sections.settle(TASK, NEXT, STORE);
    expect(sections.counts.entered).toBe(0);
    expect(sections.isTracked(TASK)).toBe(true);
    sections.settle(TASK, NEXT + 4, NEXT);
    expect(sections.counts.entered).toBe(1);
    expect(sections.inFlight(TASK)).toBe(region);
  });

  test('is committed where its end comes with nothing seen in between', () => {
    sections.armingStored(TASK, region, STORE);
    sections.boundary(TASK, region, END, NEXT);
    expect(sections.counts).toEqual({ entered: 1, committed: 1, aborted: 0, exited: 0 });
    sections.armingStored(TASK, undefined, END);
    expect(ends).toEqual(['committed']);
  });

  test('counts as entered when aborted right after the arming store', () => {
    sections.armingStored(TASK, region, STORE);
    sections.settle(TASK, NEXT, STORE);
    sections.aborted(TASK, region, NEXT);
    expect(sections.counts).toEqual({ entered: 1, committed: 0, aborted: 1, exited: 0 });
    expect(sections.isTracked(TASK)).toBe(false);
  });

  test('is saved and restored, about to be entered', () => {
    sections.armingStored(TASK, region, STORE);
    const image = sections.save();
    sections.settle(TASK, NEXT + 4, NEXT);
    sections.restore(image);
    expect(sections.counts.entered).toBe(0);
    sections.settle(TASK, NEXT + 4, NEXT);
    expect(sections.counts.entered).toBe(1);
  });
});

test('a section gave up that goes to its abort handler by itself', () => {
  enter(open);
  sections.boundary(TASK, open, FAILURE, NEXT);
  expect(ends).toEqual(['gave up']);
  expect(sections.counts).toEqual({ entered: 1, committed: 0, aborted: 0, exited: 1 });
  sections.armingStored(TASK, undefined, FAILURE);
  expect(ends).toEqual(['gave up']);
});

test('the same where the task stops before its abort handler', () => {
  enter(open);
  sections.settle(TASK, FAILURE, NEXT);
  expect(ends).toEqual(['gave up']);
});

test('a section armed again from within is still the same', () => {
  enter(early);
  enter(early);
  expect(sections.counts).toEqual({ entered: 1, committed: 0, aborted: 0, exited: 0 });
});

test('the next one leaves a section without lower bound', () => {
  enter(open);
  enter(open);
  expect(sections.counts).toEqual({ entered: 2, committed: 0, aborted: 0, exited: 1 });
});

test('disarming leaves a section without lower bound', () => {
  enter(open);
  sections.armingStored(TASK, undefined, FAILURE);
  expect(sections.counts).toEqual({ entered: 1, committed: 0, aborted: 0, exited: 1 });
});

test('disarming leaves the others where they are', () => {
  enter(early);
  sections.armingStored(TASK, undefined, NEXT);
  expect(ends).toEqual([]);
});

test('a store before the section enters nothing', () => {
  enter(mainline);
  expect(sections.isTracked(TASK)).toBe(false);
  sections.boundary(TASK, mainline, NEXT, STORE);
  expect(sections.counts.entered).toBe(1);
});
