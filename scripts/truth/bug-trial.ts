import { join } from 'node:path';
import { loadProgram } from '../../emulator/loader/load.ts';
import type { Bug } from '../../emulator/regress/bug-index.ts';
import { findProfile } from '../../kernel-model/rseq/resolve.ts';
import type { Trial } from './brute-force.ts';
import { Scope } from './scope.ts';

/** As `fuzz` has it. */
const MAX_INSTRUCTIONS = 1_000_000;

/** How a program of a seeded bug is tried: as its index line says. `folder` is that of the guests. */
export function bugTrial(
  folder: string,
  bug: Bug,
  twin: 'buggy' | 'fixed',
  limits: Pick<Trial, 'interruptions' | 'merge'>,
): Trial {
  const { image } = loadProgram(join(folder, bug[twin].bin.path));
  const profile = findProfile(bug.kernel);
  if (profile === undefined) throw new Error(`assertion failed: ${bug.kernel} is a kernel`);
  return {
    image,
    args: bug.args,
    profile,
    vcpus: bug.vcpus,
    signals: bug.signals,
    maxInstructions: MAX_INSTRUCTIONS,
    scope: new Scope(image),
    ...limits,
  };
}
