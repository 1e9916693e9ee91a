import { beforeEach, expect, test } from 'vitest';
import { Attempts, type Whereabouts } from '../../emulator/compare/attempts.ts';

const WORD = 0x1000;
const HERE: Whereabouts = { vcpu: 0, space: 0 };

let places: Whereabouts[];
let attempts: Attempts;

beforeEach(() => {
  places = [0, 1, 2].map(() => HERE);
  attempts = new Attempts((task) => places[task] ?? HERE);
});

function access(task: number, isStore: boolean, address: number): void {
  attempts.access({ task, isStore, address, sizeBytes: 8, instruction: 0x400000, retired: 1 });
}

test('an abort with nothing touched in between was not needed', () => {
  access(1, false, WORD);
  access(2, true, WORD + 8);
  access(2, false, WORD);
  attempts.sectionEnded(1, 'aborted');
  expect(attempts.counts).toMatchObject({ aborted: 1, spurious: 1, conflicts: 0, moved: 0 });
});

test('a store of another task to a word that was read is a conflict', () => {
  access(1, false, WORD + 4);
  access(2, true, WORD);
  attempts.sectionEnded(1, 'aborted');
  expect(attempts.counts).toMatchObject({ aborted: 1, conflicts: 1, spurious: 0 });
  expect([1, 2].map((task) => attempts.restartsOf(task))).toEqual([1, 0]);
});

test('a store from before the word was read is none, nor is one of an earlier attempt', () => {
  access(2, true, WORD);
  access(1, false, WORD);
  attempts.sectionEnded(1, 'aborted');
  access(1, false, WORD);
  access(2, true, WORD);
  attempts.sectionEnded(1, 'aborted');
  access(1, false, WORD);
  attempts.sectionEnded(1, 'aborted');
  expect(attempts.counts).toMatchObject({ aborted: 3, conflicts: 1, spurious: 2 });
});

test('a store in another address space is no conflict', () => {
  places[2] = { ...HERE, space: 1 };
  access(1, false, WORD);
  access(2, true, WORD);
  attempts.sectionEnded(1, 'aborted');
  expect(attempts.counts).toMatchObject({ conflicts: 0, spurious: 1 });
});

test('an abort on another vCPU than the attempt began on was needed', () => {
  access(1, false, WORD);
  places[1] = { ...HERE, vcpu: 1 };
  attempts.sectionEnded(1, 'aborted');
  expect(attempts.counts).toMatchObject({ moved: 1, spurious: 0 });
});

test('a section that its own comparison ends is refused; other ways out have no cause', () => {
  attempts.sectionEnded(1, 'gave up');
  attempts.sectionEnded(1, 'exited');
  attempts.sectionEnded(1, 'committed');
  expect(attempts.counts).toMatchObject({ refused: 1, left: 1, committed: 1, spurious: 1 });
});

test('nothing is left after a reset', () => {
  access(1, false, WORD);
  access(2, true, WORD);
  attempts.reset();
  attempts.sectionEnded(1, 'aborted');
  expect(attempts.counts).toMatchObject({ aborted: 1, conflicts: 0, spurious: 1 });
});
