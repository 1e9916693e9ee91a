import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import {
  reportedNames,
  swallowedOptionsMessage,
  unreportedNames,
} from '../../scripts/launcher/swallowed.mjs';
import { makeProject, projectRoot } from '../support/project.ts';

const userConfig = '/etc/user-npmrc';

/** The message for what npm 9, 10 and 11 make of a command line (observed). */
function message(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  npmrc = '',
): string | undefined {
  return swallowedOptionsMessage(
    args,
    { npm_lifecycle_event: 'emulate', npm_config_userconfig: userConfig, ...variables },
    {
      existsSync: (path) => path === 'x.bin' || (path === userConfig && npmrc !== ''),
      readFileSync: () => npmrc,
    },
  );
}

test.each([
  ['--cpus 8', ['x.bin', '8'], { npm_config_cpus: 'true' }, 'x.bin --cpus 8'],
  ['--cpus=8', ['x.bin'], { npm_config_cpus: '8' }, 'x.bin --cpus 8'],
  ['--cpus 8 before FILE', ['8', 'x.bin'], { npm_config_cpus: 'true' }, 'x.bin --cpus 8'],
  ['--strace', ['x.bin'], { npm_config_strace: 'true' }, 'x.bin --strace'],
  ['--no-escalate', ['x.bin'], { npm_config_escalate: '' }, 'x.bin --no-escalate'],
  ['--json out.json', ['x.bin', 'out.json'], { npm_config_json: 'true' }, 'x.bin --json out.json'],
  ['--strace -- 4 5', ['x.bin', '4', '5'], { npm_config_strace: 'true' }, 'x.bin --strace -- 4 5'],
  [
    '--cpus 8 --seed 1: whose value is whose is not known',
    ['x.bin', '8', '1'],
    { npm_config_cpus: 'true', npm_config_seed: 'true' },
    'x.bin --cpus VALUE --seed VALUE',
  ],
  [
    '--cpus=8 -- --tick 1',
    ['x.bin', '--tick', '1'],
    { npm_config_cpus: '8' },
    'x.bin --cpus 8 --tick 1',
  ],
  ['--tick 9, FILE mistyped', ['y', '9'], { npm_config_tick: 'true' }, 'y --tick 9'],
])('npm took %s: the right form is shown', (_, args, variables, form) => {
  expect(message(['emulate', ...args], variables)).toMatch(
    new RegExp(
      `^npm kept --.* to itself; put -- before the arguments: npm run emulate -- ${form}$`,
    ),
  );
});

test.each([
  ['no option was taken', { npm_config_loglevel: 'silent' }, ''],
  ["a variable is npm's own", { npm_config_jobs: '4', npm_config_json: '' }, ''],
  ['the variable is for another script', { npm_lifecycle_event: 'test', npm_config_cpus: '8' }, ''],
  [
    'npm was told to be quiet and offline',
    { npm_config_loglevel: 'warn', npm_config_offline: 'true' },
    '',
  ],
  ["npm's own configuration sets it", { npm_config_json: 'true' }, 'fund=false\njson = true\n'],
])('nothing is reported when %s', (_, variables, npmrc) => {
  expect(message(['emulate', 'x.bin'], variables, npmrc)).toBeUndefined();
});

test('the npm of this machine gives its options to no one else', async () => {
  const root = await makeProject(['package.json', 'scripts/rseq-testbed.mjs', 'scripts/launcher'], {
    'emulator/cli/main.ts': '',
    'kernel-model/a.ts': '',
    'x.bin': '',
  });
  const args = ['run', '--silent', 'emulate', 'x.bin', '--cpus', '8', '--no-escalate'];
  const { stdout, stderr, exitCode } = await execa('npm', args, { cwd: root, reject: false });
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
  expect(stderr.split('\n').filter((line) => !line.startsWith('npm '))).toEqual([
    'rseq-testbed: npm kept --cpus, --no-escalate to itself; put -- before the arguments: ' +
      'npm run emulate -- x.bin --cpus 8 --no-escalate',
  ]);
});

test.each([
  ['emulate', 'cpus'],
  ['replay', 'force'],
  ['guests', 'check'],
  ['bench', 'rounds'],
  ['check', 'rule'],
  ['rules', 'json'],
])('every option of %s is known here, such as --%s', async (verb, one) => {
  const help = [`${projectRoot}/scripts/rseq-testbed.mjs`, verb, '--help'];
  const { stdout } = await execa(process.execPath, help);
  const named = [...stdout.matchAll(/(?:^|[\s,])--(?:no-)?([a-z][a-z-]*)/gm)].map(
    ([, name]) => name,
  );
  const known = [...reportedNames, ...unreportedNames, 'help', 'version'];
  expect(named).toContain(one);
  expect(named.filter((name) => !known.includes(name ?? ''))).toEqual([]);
});

test('the file that npm is said to have kept is looked for', () => {
  const env = { npm_lifecycle_event: 'emulate', npm_config_cpus: 'true' };
  const files = { existsSync, readFileSync: () => '' };
  expect(swallowedOptionsMessage(['emulate', '2', 'package.json'], env, files)).toContain(
    'npm run emulate -- package.json --cpus 2',
  );
});
