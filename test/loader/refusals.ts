import { expect } from 'vitest';
import { UserError } from '../../emulator/errors.ts';

/** The UserError that `action` must throw, checked to be one short line. */
export function refusalOf(action: () => unknown): UserError {
  const error = thrownBy(action);
  expect(error).toBeInstanceOf(UserError);
  if (!(error instanceof UserError)) throw new Error('it must be refused');
  expectOneLine(error.message);
  return error;
}

/** Runs `action`; whatever it throws must be a UserError of one short line. */
export function survives(action: () => unknown): void {
  const error = thrownBy(action);
  if (error === undefined) return;
  if (!(error instanceof UserError)) throw error;
  expectOneLine(error.message);
}

export function expectOneLine(message: string): void {
  expect(message).toMatch(/^\P{Cc}{10,199}$/u);
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
