import type { Task } from '../task/task.ts';
import type { ArmedRegion } from './variant.ts';

/** An attempt at a section failed; returns how many have in a row, in the same section. */
export function noteFailedAttempt(task: Task, { source }: ArmedRegion): number {
  task.abortsInRow = task.abortedSection === source ? task.abortsInRow + 1 : 1;
  task.abortedSection = source;
  return task.abortsInRow;
}

/** The task got through a section, or left it of its own accord. */
export function noteProgress(task: Task): void {
  task.abortsInRow = 0;
  task.abortedSection = 0;
}
