import { describe, test } from 'vitest';
import { unicornLibraries } from '../support/unicorn.ts';
import { contract } from './contract.ts';
import { scriptedSubject, unicornSubject } from './subjects.ts';

const libraries = await unicornLibraries();
/** The native hooks are code for x86-64. */
const kinds = process.arch === 'x64' ? (['native', 'portable'] as const) : (['portable'] as const);

describe('the scripted engine', () => {
  test.each(contract)('$name', ({ check }) => check(scriptedSubject));
});

describe.each(libraries)('unicorn in %s', (library) => {
  describe.each(kinds)('with %s hooks', (hooks) => {
    test.each(contract)('$name', ({ check }) => check(unicornSubject(library, hooks)));
  });
});
