import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { projectRoot } from '../../support/project.ts';
import type { Mutation } from './mutations.ts';

const MODEL = join(projectRoot, 'kernel-model');

/** The source that a mutation makes of its file. */
export async function mutate({ file, from, to }: Mutation): Promise<string> {
  const source = await readFile(join(MODEL, file), 'utf8');
  const parts = source.split(from);
  if (parts.length !== 2) {
    throw new Error(`${file} has this ${parts.length - 1} times, not once: ${from}`);
  }
  return parts.join(to);
}

/** Bundles a module of the tests with one file of the model replaced; returns the file in `folder`. */
export async function bundleMutant(
  folder: string,
  entry: string,
  mutation: Mutation | undefined,
): Promise<string> {
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
  const outfile = join(folder, `${mutation?.rule.replace(/\W/g, '-') ?? 'unchanged'}.mjs`);
  await build({
    absWorkingDir: projectRoot,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    plugins: [plugin],
    logLevel: 'silent',
  });
  return outfile;
}
