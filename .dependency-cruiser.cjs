/**
 * The direction of imports: scripts, test -> emulator -> kernel-model, and inside emulator/ the
 * layers below. test/project/imports.test.ts plants wrong imports and sees this fail. Circles are
 * Biome's to find, which tells imports of types, where a circle does no harm, from the others.
 */

/**
 * Folders of emulator/ from the bottom up: one may import those before it. The loader and the
 * engine are neighbours that do not know each other. emulator/index.ts, the library's API, is
 * between gdb and cli.
 */
const layers = [
  ...['engine', 'loader', 'trace', 'machine', 'stepping', 'validate'],
  ...['explore', 'report', 'compare', 'regress', 'gdb'],
];
const topLayer = 'cli';

const folder = (...names) => `^emulator/(${names.join('|')})/`;

const layerRules = layers.map((layer, index) => ({
  name: `layer-${layer}`,
  comment: `emulator/${layer}/ imports only the layers below it`,
  severity: 'error',
  from: { path: folder(layer) },
  to: { path: [folder(...layers.slice(index + 1), topLayer), '^emulator/index\\.ts$'] },
}));

/** Packages that few may import, and who may. */
const restrictedPackages = {
  koffi: [folder('engine'), '^test/engine/'],
  'iced-x86': [
    folder('engine', 'trace', 'stepping', 'validate', 'report'),
    '^scripts/mutate/',
    '^test/',
  ],
  execa: [
    '^emulator/engine/library/',
    '^emulator/validate/source-lines\\.ts$',
    folder(topLayer),
    '^scripts/',
    '^test/',
  ],
  esbuild: ['^scripts/launcher/', '^test/native/judge/mutant\\.ts$'],
};

const packageRules = Object.entries(restrictedPackages).map(([name, allowed]) => ({
  name: `restricted-${name}`,
  comment: `${name} is imported only from ${allowed.join(' ')}`,
  severity: 'error',
  from: { pathNot: allowed },
  to: { path: `(^|/)node_modules/${name}/` },
}));

module.exports = {
  forbidden: [
    {
      name: 'kernel-model-is-pure',
      comment: 'kernel-model/ imports nothing outside itself: no Node API, no package, no emulator',
      severity: 'error',
      from: { path: '^kernel-model/' },
      to: { pathNot: '^kernel-model/' },
    },
    {
      name: 'emulator-stays-below',
      comment: 'emulator/ imports neither scripts nor tests nor guests',
      severity: 'error',
      from: { path: '^emulator/' },
      to: { path: '^(scripts|test|guest)/' },
    },
    {
      name: 'scripts-stay-below-tests',
      severity: 'error',
      from: { path: '^scripts/' },
      to: { path: '^test/' },
    },
    ...layerRules,
    {
      name: 'loader-without-engine',
      severity: 'error',
      from: { path: folder('loader') },
      to: { path: folder('engine') },
    },
    {
      name: 'index-below-cli',
      severity: 'error',
      from: { path: '^emulator/index\\.ts$' },
      to: { path: folder(topLayer) },
    },
    {
      name: 'shared-files-at-the-bottom',
      comment: 'what lies directly in emulator/ serves every layer, so it imports none',
      severity: 'error',
      from: { path: '^emulator/[^/]+\\.ts$', pathNot: '^emulator/index\\.ts$' },
      to: { path: ['^emulator/[^/]+/', '^emulator/index\\.ts$'] },
    },
    {
      name: 'known-layers-only',
      comment: 'a new folder of emulator/ needs its place in the list of layers',
      severity: 'error',
      from: {},
      to: { path: '^emulator/[^/]+/', pathNot: folder(...layers, topLayer) },
    },
    ...packageRules,
    {
      name: 'children-through-execa',
      comment: 'child processes are started through execa; workers by fork: they need IPC',
      severity: 'error',
      from: {
        pathNot: [
          '^scripts/launcher/worker\\.mjs$',
          '^emulator/explore/campaign/worker-link\\.ts$',
        ],
      },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'no-development-packages-at-run-time',
      severity: 'error',
      from: { path: ['^emulator/', '^scripts/launcher/'] },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'declared-packages-only',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-orphan',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.test\\.ts$', '\\.d\\.ts$'] },
      to: {},
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    // @swc/core has to be installed: it reads TypeScript here, imports of types included.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
    },
  },
};
