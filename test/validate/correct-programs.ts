import { bugs } from '../bugs/bug-files.ts';
import { isUnprotected, readManifest } from '../guest/guest-files.ts';

const { guests, ruleGuests, ruleRuns } = await readManifest();

/** A correct program and how it is run. */
export interface Correct {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly kernel: string;
  readonly vcpus: number;
  readonly signals: readonly number[];
}

const DEFAULT_KERNEL = 'linux-6.18';

const fixedTwins = bugs.map(
  ({ id, fixed, args, kernel, vcpus, signals }): Correct => ({
    ...{ name: `bugs/${id}-fixed`, file: fixed.bin.path, args, kernel, vcpus, signals },
  }),
);

/** The guests that hold, with as little work for each task as shows all that they do. */
const suite = guests
  .filter((guest) => !isUnprotected(guest))
  .flatMap(({ name, files, args, kernel = DEFAULT_KERNEL }) =>
    [1, 2].map((vcpus): Correct => {
      const few = args.map((arg, index) => String(Math.min(Number(arg), index === 0 ? 2 : 3)));
      return { name, file: files.bin.path, args: few, kernel, vcpus, signals: [] };
    }),
  );

const ruleTwins = ruleRuns
  .filter(({ findings }) => findings.length === 0)
  .map(({ name, files, settings: { kernel, cpus = 2 } }): Correct => {
    return { name, file: files.bin.path, args: [], kernel, vcpus: cpus, signals: [] };
  });

const accepted = ruleGuests
  .filter(({ findings }) => Object.values(findings).every((rules) => rules.length === 0))
  .map(({ name, files }): Correct => {
    return { name, file: files.elf.path, args: [], kernel: DEFAULT_KERNEL, vcpus: 2, signals: [] };
  });

/** The guests that hold under every schedule, and the fixed twins of all that break something. */
export const correctPrograms: readonly Correct[] = [
  ...fixedTwins,
  ...suite,
  ...ruleTwins,
  ...accepted,
];
