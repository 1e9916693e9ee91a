import { execa } from 'execa';
import { UserError } from '../../emulator/errors.ts';
import type { Row } from './measure.ts';

const NS_PER_MS = 1e6;
const EMULATE = ['emulate', 'guest/counter.bin'];
/** The launcher's handle of its bundle: a command that inherits it has no bundle to find. */
const OWN_START = { RSEQ_TESTBED_BUNDLE: undefined };

/** Wall time of one command, started in the project's folder. */
function commandRow(name: string, command: string, args: readonly string[]): Row {
  return {
    name,
    unit: 'ms',
    value: (ns) => ns / NS_PER_MS,
    isSingle: true,
    prepare: async ({ projectRoot }) => {
      const ours = async (): Promise<number> => {
        const start = process.hrtime.bigint();
        const result = await execa(command, args, {
          cwd: projectRoot,
          env: OWN_START,
          reject: false,
          stdin: 'ignore',
        });
        if (result.failed) {
          const line = String(result.stderr).split('\n')[0] ?? '';
          throw new UserError('bench-command-fails', `bench: ${result.command}: ${line}`);
        }
        return Number(process.hrtime.bigint() - start);
      };
      // The first run may build the bundle.
      await ours();
      return { ours };
    },
  };
}

/** Rows about what a user waits for. */
export const COMMAND_ROWS: readonly Row[] = [
  commandRow('start of node itself', process.execPath, ['--eval', '0']),
  commandRow('emulate guest/counter.bin, node', process.execPath, [
    'scripts/rseq-testbed.mjs',
    ...EMULATE,
  ]),
  commandRow('emulate guest/counter.bin, npx', 'npx', ['rseq-testbed', ...EMULATE]),
  commandRow('emulate guest/counter.bin, npm run -s', 'npm', [
    'run',
    '-s',
    'emulate',
    '--',
    'guest/counter.bin',
  ]),
];
