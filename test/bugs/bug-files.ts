import { join } from 'node:path';
import { type Bug, readBugIndex } from '../../emulator/regress/bug-index.ts';
import { guestDir } from '../guest/guest-files.ts';

/** The committed index of the seeded bugs. */
export const bugs: readonly Bug[] = readBugIndex(join(guestDir, 'bugs', 'index.json')).bugs;

/** The two programs of a bug, by name. */
export const twins = ['buggy', 'fixed'] as const;
