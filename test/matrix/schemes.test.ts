import { beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { isPass } from '../../emulator/machine/outcome.ts';
import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { ManifestGuest } from '../../scripts/guests.ts';
import { isForMainline, isSchemeGuest, isUnprotected, readManifest } from '../guest/guest-files.ts';
import { runGuest } from '../support/guest-runs.ts';
import { matrixCases } from '../support/matrix.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
const settings = [1, 2, 8].flatMap((cpus) =>
  [1, 3, 7, 50, 1000].flatMap((tick) => seeds.map((seed) => ({ cpus, tick, seed }))),
);
const guests = (await readManifest()).guests.filter(isSchemeGuest);
/** Mainline's workloads run with all seeds under every kernel of theirs in kernels.test.ts. */
const cases = guests
  .filter((guest) => !isUnprotected(guest))
  .flatMap((guest) => profilesOf(guest).map((profile) => ({ guest, profile })))
  .flatMap(({ guest, profile }) =>
    (['bin', 'elf'] as const).flatMap((form) =>
      settings
        .filter(({ seed }) => {
          const isOne = form === 'elf' || isMarkedByKeys(guest) || isForMainline(guest);
          return seed === 1 || !isOne;
        })
        .map((setting) => ({ guest, profile, form, setting })),
    ),
  );

/** The same code as another guest's, plus what debuggers read. */
function isMarkedByKeys({ defines }: ManifestGuest): boolean {
  return defines.includes('RSEQ_KEYS');
}

let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary() });
});

/** The kernels that a workload is for; of mainline's the one that a real kernel judges. */
function profilesOf({ kernel }: ManifestGuest): readonly KernelProfile[] {
  if (kernel === undefined) return [PROFILES['linux-6.18']];
  const sound = Object.values<KernelProfile>(PROFILES).filter((it) => it.lostEvents === undefined);
  return sound.filter(({ scheme }) => scheme === kernel);
}

function profileOf(guest: ManifestGuest): KernelProfile {
  const [profile] = profilesOf(guest);
  if (profile === undefined) throw new Error(`there is no profile for ${guest.name}`);
  return profile;
}

describe('every workload under its own scheme', () => {
  for (const { guest, profile, form, setting } of matrixCases(cases, 54)) {
    const { cpus, tick, seed } = setting;
    const file = guest.files[form].path;
    const options = `--kernel ${profile.name} --cpus ${cpus} --tick ${tick} --seed ${seed}`;
    it(`${file} loses nothing: ${options}`, () => {
      const run = { guest: file, args: guest.args, profile, maxInstructions: 3_000_000 };
      const result = runGuest(machine, { ...run, ...setting });
      expect(result.outcome).toEqual({ kind: 'exit', status: 0 });
      if (guest.expected.kind === 'exit') expect(result.stdout).toBe(guest.expected.stdout);
      const { entered, committed, aborted, exited } = machine.sections.counts;
      expect(committed + aborted + exited).toBe(entered);
      if (!guest.source.includes('counter')) return;
      const isTold = profile.scheme !== 'getcpu-cache' && profile.scheme !== 'thread-local-abi';
      expect(committed).toBe(isTold ? 400 : 0);
    });
  }
});

describe('what makes a scheme sound', () => {
  it.each(guests.filter(isUnprotected).map((guest) => [guest.name, guest] as const))(
    '%s loses an update with some seed',
    (_, guest) => {
      const settings = [7, 50].flatMap((tick) => seeds.map((seed) => ({ cpus: 2, tick, seed })));
      const losing = settings.find((setting) => {
        const run = { guest: guest.files.bin.path, args: guest.args, profile: profileOf(guest) };
        const { outcome } = runGuest(machine, { ...run, ...setting });
        return outcome.kind === 'exit' && outcome.status === 1;
      });
      expect(losing).toBeDefined();
    },
  );
});

describe('a guest under another scheme than its own', () => {
  const counters = guests.filter(({ name, kernel }) => kernel && /-counter$/.test(name));
  const historical = counters.map(profileOf);
  it.each(counters.map((guest) => [guest.name, guest] as const))('%s does not run', (_, guest) => {
    for (const profile of historical.filter(({ name }) => name !== guest.kernel)) {
      const { outcome, stdout } = runGuest(machine, { guest: guest.files.bin.path, profile });
      expect({ isPass: isPass(outcome), stdout }, profile.name).toEqual({
        isPass: false,
        stdout: '',
      });
    }
  });
});

describe('a guest on a kernel before its system call', () => {
  it.each([
    ['turner-v2', 'turner-v1'],
    ['desnoyers-2016a', 'turner-v2'],
    ['rfc-2017', 'desnoyers-2016b'],
  ] as const)('%s under %s says so and ends with status 3', (scheme, kernel) => {
    const guest = `abi/${scheme}-counter.bin`;
    const { outcome, stderr } = runGuest(machine, { guest, profile: PROFILES[kernel] });
    expect(outcome).toEqual({ kind: 'exit', status: 3 });
    expect(stderr).toBe(`${scheme}: this kernel does not have the scheme\n`);
  });
});

describe('long sections of two tasks on one vCPU, each with an object of its own', () => {
  /** Slices much shorter than the section, for ever. */
  const setting = { cpus: 1, tick: 150, escalate: false, args: ['2', '1'] };
  const longs = guests.filter(({ name }) => name.endsWith('-long'));
  const survivors = ['getcpu-cache', 'thread-local-abi', 'lutomirski-2016'];

  it.each(longs.map((guest) => [guest.name, guest] as const))('%s', (_, guest) => {
    const profile = profileOf(guest);
    const { outcome } = runGuest(machine, { guest: guest.files.bin.path, profile, ...setting });
    const { aborted } = machine.sections.counts;
    if (!survivors.includes(profile.name)) expect(outcome.kind).toBe('livelock');
    else expect({ outcome, aborted }).toEqual({ outcome: { kind: 'exit', status: 0 }, aborted: 0 });
  });
});
