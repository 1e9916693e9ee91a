import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Ajv from 'ajv';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RULE_IDS } from '../../emulator/validate/rules/registry.ts';
import { guestDir } from '../guest/guest-files.ts';
import { projectRoot, temporaryFolder } from '../support/project.ts';
import { runCommand } from './capture.ts';

const guest = (name: string) => join(guestDir, `${name}.elf`);
const gap = guest('rules/r07-gap');
const push = guest('rules/r16-push');
const sound = guest('counter');
const launcher = join(projectRoot, 'scripts', 'rseq-testbed.mjs');

/** The SARIF schema that Microsoft's tools for SARIF check with. */
function sarifValidator() {
  const { resolve } = createRequire(import.meta.url);
  const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
  const ajv = new Ajv({ schemaId: 'auto', allErrors: true });
  ajv.addMetaSchema(read(resolve('ajv/lib/refs/json-schema-draft-04.json')));
  return ajv.compile(read(resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json')));
}

async function configFile(content: unknown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-check-'));
  const path = join(folder, '.rseq-check.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('check', () => {
  it('says nothing of a sound guest but what it looked at', async () => {
    expect(await runCommand('check', sound)).toEqual({
      status: 0,
      stdout: `${sound}: 1 section, 0 errors, 0 warnings (kernel linux-6.18)\n`,
      stderr: '',
    });
  });

  it('shows a violation with its place, the code around it and how to mend it', async () => {
    const { status, stdout } = await runCommand('check', gap, sound);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^error R7 arming-store: the instruction before start_ip is no store/m);
    expect(stdout).toMatch(/^ {2}at section\+0x[0-9a-f]+ \(0x[0-9a-f]+\)$/m);
    expect(stdout).toMatch(/^ {2}in the section section\+0x[0-9a-f]+ \(0x[0-9a-f]+-0x[0-9a-f]+, /m);
    expect(stdout).toMatch(/^ {4}[0-9a-f]+ {2}mov %rax, %fs:0x28\n {2}> [0-9a-f]+ {2}nop$/m);
    expect(stdout).toMatch(/^ {2}fix: Make the store of the descriptor/m);
    expect(stdout).toContain(`${sound}: 1 section, 0 errors`);
  });

  it('writes disassembly as the user likes it', async () => {
    const { stdout } = await runCommand('check', gap, '--syntax', 'intel');
    expect(stdout).toMatch(/^ {4}[0-9a-f]+ {2}mov (qword ptr )?fs:\[0x28\], rax$/m);
  });

  it('ends with 1 for warnings only where they are to count', async () => {
    expect((await runCommand('check', push)).status).toBe(0);
    expect((await runCommand('check', push, '--strict')).status).toBe(1);
  });

  it('takes rules by id and by name, to look at or not', async () => {
    const count = async (...options: string[]) => {
      const { stdout } = await runCommand('check', gap, push, '--format', 'json', ...options);
      return JSON.parse(stdout).findings.map(({ rule }: { rule: string }) => rule);
    };
    const all = await count();
    expect(new Set(all)).toEqual(new Set(['R7', 'R16']));
    expect(new Set(await count('--rule', 'r7'))).toEqual(new Set(['R7']));
    expect(await count('--rule', 'R7,stack-untouched')).toEqual(all);
    expect(await count('--rule', 'R7', '--rule', 'R16')).toEqual(all);
    expect(new Set(await count('--ignore', 'arming-store'))).toEqual(new Set(['R16']));
  });

  it('writes JSON with the keys that tools may rely on', async () => {
    const { stdout } = await runCommand('check', gap, '--format', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      schema: { name: 'rseq-testbed/check', version: 1 },
      kernel: 'linux-6.18',
      files: [{ path: gap, kind: 'executable', sections: 1 }],
      findings: [
        {
          rule: 'R7',
          severity: 'error',
          file: gap,
          section: { name: expect.stringMatching(/^section\+0x/), start: expect.any(String) },
          address: expect.stringMatching(/^0x[0-9a-f]+$/),
          symbol: expect.stringMatching(/^section\+0x/),
          message: expect.any(String),
        },
      ],
      suppressed: [],
      unusedSuppressions: [],
    });
  });

  it('writes SARIF that the schema accepts, suppressions included', async () => {
    const config = await configFile({
      suppressions: [{ rule: 'R16', symbol: 'section', reason: 'the frame is ours' }],
    });
    const args = [gap, push, guest('rules/r01-flags'), '--config', config];
    const { stdout } = await runCommand('check', ...args, '--format', 'sarif');
    const log = JSON.parse(stdout);
    const validate = sarifValidator();
    expect(validate(log), JSON.stringify(validate.errors)).toBe(true);
    const { results, tool } = log.runs[0];
    expect(new Set(results.map(({ ruleId }: { ruleId: string }) => ruleId))).toEqual(
      new Set(['R1', 'R7', 'R16']),
    );
    for (const { ruleId, ruleIndex, suppressions } of results) {
      expect(tool.driver.rules[ruleIndex].id).toBe(ruleId);
      expect(suppressions !== undefined).toBe(ruleId === 'R16');
    }
    // The schema is not one that accepts anything.
    expect(validate({ ...log, version: '1.0' })).toBe(false);
    expect(validate({ ...log, runs: [{ ...log.runs[0], results: [{ level: 'bad' }] }] })).toBe(
      false,
    );
  });

  it('takes out what was justified, and tells what is no longer needed', async () => {
    const reason = 'the gap is patched at run time';
    const config = await configFile({
      suppressions: [
        { rule: 'R7', section: 'section', reason },
        { rule: 'R12', symbol: 'gone', reason: 'it was a copy' },
      ],
    });
    const text = await runCommand('check', gap, '--config', config);
    expect(text.status).toBe(0);
    expect(text.stdout).toContain('0 errors, 0 warnings, 1 suppressed');
    expect(text.stdout).toContain(
      'warning: nothing is left of what was suppressed: R12 for symbol gone',
    );
    expect((await runCommand('check', gap, '--config', config, '--strict')).status).toBe(1);
    const json = await runCommand('check', gap, '--config', config, '--format', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      findings: [],
      suppressed: [{ rule: 'R7', reason }],
      unusedSuppressions: [{ rule: 'R12', symbol: 'gone' }],
    });
  });

  it('finds its file of suppressions where it runs', async () => {
    const path = await configFile({
      suppressions: [{ rule: 'R7', symbol: 'section', reason: 'known' }],
    });
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(join(path, '..'));
    expect((await runCommand('check', gap)).status).toBe(0);
  });

  it.each([
    ['not JSON', '{', 'not JSON'],
    ['no list', {}, 'suppressions'],
    ['a key that nobody knows', { suppressions: [], more: 1 }, 'more'],
    ['no reason', { suppressions: [{ rule: 'R7', symbol: 'a' }] }, 'suppressions.0.reason'],
    [
      'an empty reason',
      { suppressions: [{ rule: 'R7', symbol: 'a', reason: ' ' }] },
      'not be empty',
    ],
    ['no place', { suppressions: [{ rule: 'R7', reason: 'a' }] }, 'a symbol or a section'],
    [
      'no such rule',
      { suppressions: [{ rule: 'R99', symbol: 'a', reason: 'b' }] },
      'there is no "R99"',
    ],
  ])('refuses a file of suppressions with %s in one line', async (_, content, why) => {
    const { status, stdout, stderr } = await runCommand(
      'check',
      gap,
      '--config',
      await configFile(content),
    );
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toMatch(/^rseq-testbed: [^\n]+\n$/);
    expect(stderr).toContain(why);
  });

  it.each([
    ['a rule that there is not', ['--rule', 'R99'], 'there is no rule "R99"'],
    ['a rule of runs', ['--ignore', 'R18'], 'it is not checked in binaries'],
    ['a signature of 33 bits', ['--signature', '0x100000000'], '32-bit number'],
    ['a config that is not there', ['--config', 'nowhere.json'], 'cannot read nowhere.json'],
    [
      'a format that there is not',
      ['--format', 'xml'],
      '--format "xml": there is text, json, sarif',
    ],
  ])('refuses %s in one line', async (_, options, why) => {
    const { status, stdout, stderr } = await runCommand('check', gap, ...options);
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toContain(why);
  });

  it('knows a signature of the program’s own', async () => {
    const other = guest('rules/r05-signature');
    expect((await runCommand('check', other)).status).toBe(1);
    expect((await runCommand('check', other, '--signature', '0x53053054')).status).toBe(0);
  });

  it('has nothing to check under an ABI without descriptors', async () => {
    const { status, stdout } = await runCommand(
      'check',
      guest('abi/turner-v2-counter'),
      '--kernel',
      'turner-v2',
    );
    expect(status).toBe(0);
    expect(stdout).toContain('note: turner-v2 has no descriptors');
  });
});

/** Where `check --confirm` runs, and saves schedules. */
async function confirmed(file: string, ...options: readonly string[]) {
  const cwd = await temporaryFolder();
  const run = (...args: readonly string[]) =>
    execa(process.execPath, [launcher, ...args], { reject: false, cwd });
  const { exitCode, stdout } = await run('check', file, '--confirm', ...options);
  return { status: exitCode, stdout, run };
}

describe('check --confirm', { timeout: 120_000 }, () => {
  const FAST = ['--preemptions', '1', '--entries', '1'];

  it.each([
    [
      'bugs/s1-end-early.bin',
      '1',
      'R10',
      /confirmed: a schedule fails: exit status 1; task 2 @/,
      'exit status 1',
    ],
    [
      'bugs/s5-no-cpu-compare.elf',
      '2',
      'R8',
      /confirmed: a schedule fails: exit status 1;/,
      'exit status 1',
    ],
    [
      'rules/r10-two-commits.elf',
      '2',
      'R10',
      /confirmed: in a run as R12: task 1 stored /,
      'finding: R12',
    ],
    [
      'rules/run/r14-system-call.bin',
      '1',
      'R14',
      /confirmed: task 1 makes a system call/,
      'finding: R14',
    ],
  ])(
    '%s on %s vCPUs: %s is confirmed by a schedule that replays',
    async (file, cpus, rule, text, end) => {
      const { status, stdout, run } = await confirmed(
        join(guestDir, file),
        ...FAST,
        '--cpus',
        cpus,
      );
      expect(status).toBe(1);
      expect(stdout).toMatch(/^1 of 1 finding confirmed by a search: \d+ schedules? in /m);
      const line = stdout.split('\n').find((each) => each.startsWith(`  ${rule} at `));
      expect(line).toMatch(text);
      const command = /replay: npx rseq-testbed (replay \S+)/.exec(stdout)?.[1] ?? '';
      const replayed = await run(...command.split(' '));
      expect(replayed.exitCode).toBe(1);
      expect(replayed.stderr).toContain(`reproduced: ${end}`);
    },
  );

  it('says what the bounds did not reach, in JSON too', async () => {
    const { stdout, run } = await confirmed(
      guest('rules/r13-read-back'),
      ...FAST,
      '--format',
      'json',
    );
    expect(JSON.parse(stdout).confirmations).toMatchObject({
      search: { cpus: 2, preemptions: 1, complete: true },
      findings: [{ rule: 'R13', status: 'not reached' }],
    });
    const text = await run('check', guest('rules/r13-read-back'), '--confirm', ...FAST);
    expect(text.stdout).toContain('0 of 1 finding confirmed by a search');
    expect(text.stdout).toMatch(/^ {2}R13 at section\S*: not reached within these bounds$/m);
  });

  it('runs nothing where there is nothing to confirm', async () => {
    expect(await runCommand('check', sound, '--confirm')).toEqual({
      status: 0,
      stdout: expect.stringMatching(/0 errors, 0 warnings.*\n\nno finding to confirm\n$/),
      stderr: '',
    });
  });

  it.each([
    [[sound, gap, '--confirm'], '--confirm takes one file'],
    [[sound, '--confirm', '--format', 'sarif'], '--confirm goes with --format text or json'],
    [[sound, '--cpus', '2'], '--cpus goes with --confirm'],
    [[sound, '--', '1'], 'what follows -- goes with --confirm'],
    [[sound, '--confirm', '--time', '0'], '--time takes a whole number from 1'],
    [[process.execPath, '--confirm'], 'dynamic'],
  ])('%j: one line and status 125', async (args, message) => {
    const { status, stdout, stderr } = await runCommand('check', ...args);
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toMatch(/^rseq-testbed: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });
});

describe('rules', () => {
  it('lists the catalogue, as text and as JSON', async () => {
    const { status, stdout } = await runCommand('rules');
    expect(status).toBe(0);
    for (const id of RULE_IDS) expect(stdout).toMatch(new RegExp(`^${id} [a-z0-9-]+ \\(`, 'm'));
    const json = JSON.parse((await runCommand('rules', '--json', '-')).stdout);
    expect(json.schema).toEqual({ name: 'rseq-testbed/rules', version: 1 });
    expect(json.rules.map(({ id }: { id: string }) => id)).toEqual(RULE_IDS);
    expect(json.rules[6]).toMatchObject({ checked: 'static', severity: { static: 'error' } });
  });

  it('explains one rule', async () => {
    const { stdout } = await runCommand('rules', 'arming-store');
    expect(stdout).toMatch(/^## R7 arming-store\n/);
    expect((await runCommand('rules', 'R33')).status).toBe(125);
  });
});
