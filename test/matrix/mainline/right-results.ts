import { beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openMachine } from '../../../emulator/machine/open.ts';
import type { ManifestGuest } from '../../../scripts/guests.ts';
import {
  isForMainline,
  isSchemeGuest,
  isUnprotected,
  readManifest,
} from '../../guest/guest-files.ts';
import { runGuest } from '../../support/guest-runs.ts';
import { matrixCases } from '../../support/matrix.ts';
import { unicornLibrary } from '../../support/unicorn.ts';
import { MAINLINE, settingsOn, settingToString } from './settings.ts';

const SAMPLE = 20;
const SHORTER_WORKLOADS = ['4', '12'];

const { guests } = await readManifest();

/** As short as will do: a full run is to take minutes. */
function shorterArgs(guest: ManifestGuest): readonly string[] {
  return isSchemeGuest(guest) ? SHORTER_WORKLOADS : ['4', '20'];
}

/** Tests every mainline kernel with every right guest; in a file for each number, to share cores. */
export function testRightResultsOn(cpus: number): void {
  let machine: Machine;
  beforeAll(async () => {
    machine = openMachine({ libraryPath: await unicornLibrary() });
  });

  describe('every mainline kernel runs every guest with the right result', () => {
    const cases = MAINLINE.flatMap((profile) =>
      guests
        .filter((guest) => !isUnprotected(guest) && isForMainline(guest))
        .flatMap((guest) => settingsOn(cpus).map((setting) => ({ profile, guest, setting }))),
    );
    for (const { profile, guest, setting } of matrixCases(cases, SAMPLE)) {
      const { path } = guest.files.bin;
      it(`${path} --kernel ${profile.name} ${settingToString(setting)}`, () => {
        const args = shorterArgs(guest);
        const { outcome, stdout } = runGuest(machine, { guest: path, args, profile, ...setting });
        expect({ outcome, stdout }).toEqual({
          outcome: { kind: 'exit', status: 0 },
          stdout: expect.stringMatching(new RegExp(`: ${args.join(' [a-z]+ x ')} .*ok\\n$`)),
        });
      });
    }
  });
}
