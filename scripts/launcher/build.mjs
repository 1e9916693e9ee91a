import { readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Packages that stay outside the bundle, because they load files beside their own: koffi is linked
 * as a module, iced-x86 as CommonJS, since importing it would have Node scan its 900 KB for names
 * that it exports (40 ms). The rest is bundled: one file starts faster than the many of yargs.
 */
const modulePackage = 'koffi';
const commonJsPackage = 'iced-x86';

/** Bundled CommonJS packages call require() for Node's own modules. */
const requireBanner = `
import { createRequire as bundleRequire } from 'node:module';
const require = bundleRequire(import.meta.url);
`;

/** A bundle used within this time may belong to a process that still loads parts of it. */
const keepMilliseconds = 60 * 60 * 1000;
/** Older bundles that are kept, for switching back and forth between versions. */
const keepCount = 10;

/**
 * Bundles the command line and every verb in scripts/ into `folder/name`. The bundle is built
 * beside it and renamed, so it is complete or absent; of several processes that build the same one,
 * any may win.
 * @param {string} root the project's folder
 * @param {string} folder where the bundles are; it exists
 * @param {string} name
 * @returns {Promise<string | undefined>} what is wrong with the sources, if anything is
 */
export async function buildBundle(root, folder, name) {
  const unfinished = join(folder, `unfinished-${process.pid}-${name}`);
  try {
    const problem = await bundle(root, unfinished);
    if (problem) {
      return problem;
    }
    publish(unfinished, join(folder, name));
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  removeOldBundles(folder, name);
  return undefined;
}

/**
 * The verbs that are scripts of the project, not commands of the emulator.
 * @param {string} root
 */
function scriptEntries(root) {
  const files = readdirSync(join(root, 'scripts')).filter((file) => file.endsWith('.ts'));
  return Object.fromEntries(
    files.map((file) => [`scripts/${basename(file, '.ts')}`, `scripts/${file}`]),
  );
}

/**
 * @param {string} root
 * @param {string} outdir
 */
async function bundle(root, outdir) {
  try {
    await build({
      absWorkingDir: root,
      entryPoints: { cli: 'emulator/cli/main.ts', ...scriptEntries(root) },
      outdir,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: true,
      sourcesContent: false,
      plugins: [linkPackages, keepSourceUrls, plainStringWidth],
      minifyWhitespace: true,
      minifySyntax: true,
      banner: { js: requireBanner },
      logLevel: 'silent',
    });
    return undefined;
  } catch (error) {
    const { formatMessages } = await import('esbuild');
    if (!(error instanceof Error) || !('errors' in error)) {
      throw error;
    }
    const failure = /** @type {import('esbuild').BuildFailure} */ (error);
    const lines = await formatMessages(failure.errors, { kind: 'error' });
    return `the sources do not build:\n${lines.join('').trimEnd()}`;
  }
}

/**
 * Links the packages outside by absolute path: a bundle in the user's cache folder has no
 * node_modules above it.
 * @type {import('esbuild').Plugin}
 */
const linkPackages = {
  name: 'link packages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: exactly(modulePackage) }, ({ path }) => ({
      path: import.meta.resolve(path),
      external: true,
    }));
    onResolve({ filter: exactly(commonJsPackage) }, ({ path }) => ({
      path: fileURLToPath(import.meta.resolve(path)),
      namespace: 'commonjs',
    }));
    onLoad({ filter: /^/, namespace: 'commonjs' }, ({ path }) => {
      const names = Object.keys(createRequire(import.meta.url)(path)).join(', ');
      return { contents: `export const { ${names} } = require(${JSON.stringify(path)});` };
    });
    onResolve({ filter: /^/, namespace: 'commonjs' }, ({ path }) => ({ path, external: true }));
  },
};

/**
 * yargs measures the columns of its help with a package that compiles Unicode tables when it is
 * loaded (17 ms at each start); our help is plain text.
 * @type {import('esbuild').Plugin}
 */
const plainStringWidth = {
  name: 'plain string width',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]string-width[/\\]index\.js$/ }, () => ({
      contents: 'export default (text) => String(text).length;',
    }));
  },
};

/** @param {string} name */
function exactly(name) {
  return new RegExp(`^${name}$`);
}

/**
 * `import.meta.url` in a source keeps naming that source, not the bundle.
 * @type {import('esbuild').Plugin}
 */
const keepSourceUrls = {
  name: 'keep source URLs',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\](emulator|kernel-model|scripts)[/\\].*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.')) {
        return undefined;
      }
      const contents = text
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)));
      return { contents, loader: 'ts' };
    });
  },
};

/**
 * @param {string} unfinished
 * @param {string} finished
 */
function publish(unfinished, finished) {
  try {
    renameSync(unfinished, finished);
  } catch (error) {
    if (!statSync(finished, { throwIfNoEntry: false })) {
      throw error;
    }
  }
}

/**
 * @param {string} folder
 * @param {string} current
 */
function removeOldBundles(folder, current) {
  const oldestFirst = readdirSync(folder)
    .filter((name) => name !== current)
    .map((name) => ({ path: join(folder, name), used: lastUse(join(folder, name)) }))
    .sort((a, b) => a.used - b.used);
  for (const { path, used } of oldestFirst.slice(0, -keepCount)) {
    if (used < Date.now() - keepMilliseconds) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

/** @param {string} bundle another process may have removed it meanwhile */
function lastUse(bundle) {
  return statSync(bundle, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}
