import { readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * The package that stays outside the bundle, because it loads files beside its own. The rest is
 * bundled: one file starts faster than the many of yargs.
 */
const linkedPackage = 'koffi';

/** A bundle is one function, which load.mjs calls. */
const banner = '(function (require, module, exports, bundleUrl) {';
const footer = '})';

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
      outExtension: { '.js': '.cjs' },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      sourcemap: true,
      sourcesContent: false,
      plugins: [linkPackage, keepPackageFiles, hashAtOnce, keepSourceUrls, plainStringWidth],
      minifyWhitespace: true,
      minifySyntax: true,
      define: { 'import.meta.url': 'bundleUrl' },
      banner: { js: banner },
      footer: { js: footer },
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
 * Links the package outside by absolute path: a bundle in the user's cache folder has no node_modules
 * above it.
 * @type {import('esbuild').Plugin}
 */
const linkPackage = {
  name: 'link package',
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^${linkedPackage}$`) }, ({ path }) => ({
      path: createRequire(import.meta.url).resolve(path),
      external: true,
    }));
  },
};

/**
 * iced-x86 goes on to find the file beside its own. What it exports become constants: as properties
 * of a module they would be looked up at each use.
 * @type {import('esbuild').Plugin}
 */
const keepPackageFiles = {
  name: 'keep package files',
  setup({ onResolve, onLoad }) {
    const namespace = 'constants';
    onResolve({ filter: /^iced-x86$/ }, ({ path }) => ({
      path: fileURLToPath(import.meta.resolve(path)),
      namespace,
    }));
    onLoad({ filter: /^/, namespace }, ({ path }) => {
      const names = Object.keys(createRequire(import.meta.url)(path)).join(', ');
      const contents = `export const { ${names} } = require(${JSON.stringify(path)});`;
      return { contents, resolveDir: dirname(path) };
    });
    onLoad({ filter: /[/\\]iced_x86\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('__dirname', JSON.stringify(dirname(path))),
    }));
  },
};

/**
 * xxhash-wasm compiles its 3 KB of WebAssembly in the background, and so one source has to await it
 * where it is loaded. A bundle cannot: V8 keeps compiled code only of scripts, which have no await.
 * @type {import('esbuild').Plugin}
 */
const hashAtOnce = {
  name: 'hash at once',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]xxhash-wasm\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        .replace('async function', 'function')
        .replace(
          /\(await WebAssembly\.instantiate\((\w+)\)\)\.instance/,
          'new WebAssembly.Instance(new WebAssembly.Module($1))',
        ),
    }));
    onLoad({ filter: /[/\\]emulator[/\\]machine[/\\]hasher\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace('await ', ''),
      loader: 'ts',
    }));
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
