import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { projectRoot } from '../../support/project.ts';
import type { Mutation } from './mutations.ts';

const MODEL = join(projectRoot, 'kernel-model');

/** The source that a mutation makes of its file. */
export async function mutate({ file, from, to }: Mutation): Promise<string> {
  const source = await readFile(join(MODEL, file), 'utf8');
  const [before, after, ...more] = source.split(from);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${file} has this ${more.length + 1} times, not once: ${from}`);
  }
  return before + to + after;
}

/**
 * Bundles a module of the tests with one file of the model replaced, and loads it. `folder` keeps the
 * bundle.
 */
export async function loadMutant<T>(
  folder: string,
  entry: string,
  mutation: Mutation | undefined,
  isModule: (module: object) => module is T & object,
): Promise<T> {
  const replaced = mutation && (await mutate(mutation));
  const plugin: Plugin = {
    name: 'mutation',
    setup({ onLoad }) {
      if (mutation === undefined) return;
      const path = join(MODEL, mutation.file);
      onLoad({ filter: new RegExp(`/${basename(mutation.file)}$`) }, (args) =>
        args.path === path ? { contents: replaced ?? '', loader: 'ts' } : undefined,
      );
    },
  };
  const { outputFiles } = await build({
    absWorkingDir: projectRoot,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    plugins: [plugin],
    logLevel: 'silent',
  });
  const file = join(folder, `${mutation?.rule.replace(/\W/g, '-') ?? 'unchanged'}.mjs`);
  await writeFile(file, outputFiles[0]?.contents ?? '');
  const module: object = await import(pathToFileURL(file).href);
  if (!isModule(module)) throw new Error(`${entry} has not what was asked for`);
  return module;
}
