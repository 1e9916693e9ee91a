import { createRequire } from 'node:module';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { checkImports } from '../../scripts/imports.mjs';
import { makeProject, projectRoot } from '../support/project.ts';

const config: { forbidden: { name: string }[] } = createRequire(import.meta.url)(
  '../../.dependency-cruiser.cjs',
);

/** A project in which every module imports what it may. */
const rightProject = {
  'kernel-model/task.ts': 'export const task = 1;',
  'kernel-model/kernel.ts': "import { task } from './task.ts';\nexport const kernel = task;",
  'emulator/errors.ts': 'export const errors = 1;',
  'emulator/engine/engine.ts':
    "import koffi from 'koffi';\nimport { Decoder } from 'iced-x86';\n" +
    "import { kernel } from '../../kernel-model/kernel.ts';\n" +
    "import { errors } from '../errors.ts';\nexport const engine = [koffi, Decoder, kernel, errors];",
  'emulator/loader/elf.ts': "import { errors } from '../errors.ts';\nexport const elf = errors;",
  'emulator/machine/machine.ts':
    "import { engine } from '../engine/engine.ts';\nimport { elf } from '../loader/elf.ts';\n" +
    'export const machine = [engine, elf];',
  'emulator/index.ts': "export { machine } from './machine/machine.ts';",
  'emulator/cli/main.ts':
    "import { machine } from '../index.ts';\nimport yargs from 'yargs';\n" +
    'export const main = [machine, yargs];',
  'scripts/tool.mjs':
    "import { execa } from 'execa';\nimport { main } from '../emulator/cli/main.ts';\n" +
    'execa(main);',
  'test/machine.test.ts':
    "import { test } from 'vitest';\nimport { tool } from '../scripts/tool.mjs';\ntest(tool);",
};

/** Rule, importing module, imported module, and what the check calls the latter. */
const wrongImports = [
  ['kernel-model-is-pure', 'kernel-model/a.ts', 'node:fs', 'fs'],
  ['kernel-model-is-pure', 'kernel-model/b.ts', 'yargs', 'node_modules/yargs'],
  ['kernel-model-is-pure', 'kernel-model/c.ts', '../emulator/errors.ts', 'emulator/errors.ts'],
  ['emulator-stays-below', 'emulator/machine/a.ts', '../../scripts/tool.mjs', 'scripts/tool.mjs'],
  ['scripts-stay-below-tests', 'scripts/a.mjs', '../test/b.ts', 'test/b.ts'],
  ['layer-engine', 'emulator/engine/a.ts', '../loader/elf.ts', 'emulator/loader/elf.ts'],
  ['layer-loader', 'emulator/loader/a.ts', '../machine/machine.ts', 'emulator/machine/machine.ts'],
  ['layer-trace', 'emulator/trace/a.ts', '../machine/machine.ts', 'emulator/machine/machine.ts'],
  ['layer-machine', 'emulator/machine/b.ts', '../explore/x.ts', 'emulator/explore/x.ts'],
  ['layer-stepping', 'emulator/stepping/a.ts', '../explore/x.ts', 'emulator/explore/x.ts'],
  ['layer-explore', 'emulator/explore/a.ts', '../report/x.ts', 'emulator/report/x.ts'],
  ['layer-validate', 'emulator/validate/a.ts', '../explore/x.ts', 'emulator/explore/x.ts'],
  ['layer-report', 'emulator/report/a.ts', '../index.ts', 'emulator/index.ts'],
  ['layer-regress', 'emulator/regress/a.ts', '../gdb/x.ts', 'emulator/gdb/x.ts'],
  ['layer-compare', 'emulator/compare/a.ts', '../gdb/x.ts', 'emulator/gdb/x.ts'],
  ['layer-gdb', 'emulator/gdb/a.ts', '../cli/main.ts', 'emulator/cli/main.ts'],
  [
    'loader-without-engine',
    'emulator/loader/b.ts',
    '../engine/engine.ts',
    'emulator/engine/engine.ts',
  ],
  ['shared-files-at-the-bottom', 'emulator/a.ts', './loader/elf.ts', 'emulator/loader/elf.ts'],
  ['known-layers-only', 'emulator/cli/a.ts', '../other/x.ts', 'emulator/other/x.ts'],
  ['restricted-koffi', 'emulator/machine/c.ts', 'koffi', 'node_modules/koffi'],
  ['restricted-iced-x86', 'emulator/loader/c.ts', 'iced-x86', 'node_modules/iced-x86'],
  ['restricted-execa', 'emulator/machine/d.ts', 'execa', 'node_modules/execa'],
  ['restricted-esbuild', 'emulator/cli/b.ts', 'esbuild', 'node_modules/esbuild'],
  ['children-through-execa', 'emulator/cli/c.ts', 'node:child_process', 'child_process'],
  ['no-development-packages-at-run-time', 'emulator/cli/d.ts', 'knip', 'node_modules/knip'],
  ['declared-packages-only', 'emulator/cli/e.ts', 'semver', 'node_modules/semver'],
  ['resolvable', 'emulator/cli/f.ts', './missing.ts', './missing.ts'],
] as const;

const alsoNeeded = {
  'emulator/index.ts': "export { machine } from './machine/machine.ts';\nimport './cli/main.ts';",
  'emulator/explore/x.ts': "import '../errors.ts';",
  'emulator/validate/x.ts': "import '../errors.ts';",
  'emulator/report/x.ts': "import '../errors.ts';",
  'emulator/gdb/x.ts': "import '../errors.ts';",
  'emulator/other/x.ts': "import '../errors.ts';",
  'emulator/cli/alone.ts': 'export const alone = 1;',
  'test/b.ts': "import '../scripts/tool.mjs';",
};

test('right imports pass, and their modules were read', async () => {
  const root = await makeProject(['package.json'], rightProject);
  expect(await checkImports(root, projectRoot)).toEqual({ modules: 9, violations: [] });
});

test('every rule finds the wrong import planted for it, and nothing else is reported', async () => {
  const planted = wrongImports.map(([, from, target]) => [from, `import '${target}';`]);
  const root = await makeProject(['package.json'], {
    ...rightProject,
    ...alsoNeeded,
    ...Object.fromEntries(planted),
  });
  const { violations } = await checkImports(root, projectRoot);
  const expected = [
    ...wrongImports.map(([rule, from, , to]) => `${rule}: ${from} -> ${to}`),
    'index-below-cli: emulator/index.ts -> emulator/cli/main.ts',
    'no-orphan: emulator/cli/alone.ts',
  ];
  expect(namingPackages(violations).toSorted()).toEqual(expected.toSorted());
  const tripped = new Set(violations.map((violation) => violation.split(':')[0]));
  expect([...tripped].toSorted()).toEqual(config.forbidden.map(({ name }) => name).toSorted());
});

test('an import of a type counts like any other', async () => {
  const root = await makeProject(['package.json'], {
    ...rightProject,
    'kernel-model/a.ts': "import type { errors } from '../emulator/errors.ts';",
  });
  const { violations } = await checkImports(root, projectRoot);
  expect(violations).toEqual(['kernel-model-is-pure: kernel-model/a.ts -> emulator/errors.ts']);
});

test('a circle of imports is found, unless it is one of types', async () => {
  const root = await makeProject(['biome.json', '.gitignore'], {
    'kernel-model/a.ts': "import { b } from './b.ts';\n\nexport const a = b;\n",
    'kernel-model/b.ts': "import { a } from './a.ts';\n\nexport const b = a;\n",
    'kernel-model/c.ts': "import type { D } from './d.ts';\n\nexport type C = D;\n",
    'kernel-model/d.ts': "import type { C } from './c.ts';\n\nexport type D = C[];\n",
  });
  const rule = '--only=suspicious/noImportCycles';
  const { exitCode, all } = await execa('biome', ['lint', rule, '--reporter=github'], {
    cwd: root,
    localDir: projectRoot,
    preferLocal: true,
    reject: false,
    all: true,
  });
  const files = [...all.matchAll(/file=[^,]*(kernel-model[^,]*)/g)].map(([, file]) => file);
  expect({ exitCode, files }).toEqual({
    exitCode: 1,
    files: ['kernel-model/a.ts', 'kernel-model/b.ts'],
  });
});

/** Packages are reported as a file of theirs, found where the link node_modules leads. */
function namingPackages(violations: readonly string[]): string[] {
  return violations.map((violation) =>
    violation.replace(/-> \S*?(node_modules\/[^/]+)\S*/, '-> $1'),
  );
}
