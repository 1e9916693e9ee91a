import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../support/project.ts';

interface LockedPackage {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(join(projectRoot, path), 'utf8'));
}

const { packages } = await readJson<{ packages: Record<string, LockedPackage> }>(
  'package-lock.json',
);
const { '': own, ...installed } = packages;
const locked = Object.entries(installed).map(([path, value]) => ({
  name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
  ...value,
}));

describe('the lock file', () => {
  test('names no host: packages come from the registry that the user has', () => {
    expect(locked.filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });

  test('has a checksum for every package but those for other platforms', () => {
    const unchecked = locked.filter(({ integrity, optional }) => !integrity && !optional);
    expect(unchecked).toEqual([]);
  });

  // npm leaves out those that the registry in use lacks, and then `npm ci` refuses the file.
  test('has the packages for every platform', () => {
    const names = new Set(locked.map(({ name }) => name));
    const optional = locked.flatMap(({ optionalDependencies }) =>
      Object.keys(optionalDependencies ?? {}),
    );
    expect(optional).not.toEqual([]);
    expect(optional.filter((name) => !names.has(name))).toEqual([]);
  });

  test('agrees with package.json', async () => {
    const { dependencies, devDependencies } =
      await readJson<Record<string, unknown>>('package.json');
    expect(own).toMatchObject({ dependencies, devDependencies });
  });
});

test('no package runs a script when it is installed', async () => {
  const { allowScripts } = await readJson<{ allowScripts: Record<string, boolean> }>(
    'package.json',
  );
  const withScripts = locked.filter(
    ({ hasInstallScript, optional }) => hasInstallScript && !optional,
  );
  expect(withScripts.map(({ name }) => [name, allowScripts[name]]).toSorted()).toEqual(
    Object.keys(allowScripts).map((name) => [name, false]),
  );
});
