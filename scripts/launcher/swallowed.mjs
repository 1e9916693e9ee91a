/**
 * `npm run emulate guest/x.bin --cpus 8` does not pass --cpus on: npm takes every option before a
 * `--` for its own configuration, and only tells the script through the environment variable
 * npm_config_cpus. Running with the defaults instead would be a silent mistake, so it is reported.
 *
 * npm 9 to 11 treat an option they do not know as a flag (`--cpus 8` gives `true`, and 8 stays
 * among the arguments) unless it is written as `--cpus=8`.
 */

/** Our options that npm does not know: a variable for one of them is ours, whatever its value. */
const ownNames = [
  'bugs',
  'cap',
  'check',
  'config',
  'confirm',
  'cpus',
  'depth',
  'entries',
  'env',
  'escalate',
  'guest',
  'kernel',
  'kernels',
  'list',
  'markdown',
  'max-instructions',
  'max-memory',
  'out',
  'preemptions',
  'print-schedule',
  'quick',
  'resume',
  'rounds',
  'runs',
  'rule',
  'save-schedule',
  'schedules',
  'seed',
  'signal',
  'signature',
  'stack',
  'step',
  'step-count',
  'step-from',
  'step-others',
  'step-policy',
  'strace',
  'strategy',
  'strict',
  'symbols',
  'syntax',
  'tick',
  'time',
  'workload',
];

/**
 * Our options that are also npm's or node-gyp's. Their variables may have been set on purpose, so
 * they count only with the value that `--name` gives.
 */
const sharedNames = ['force', 'jobs', 'json'];

/**
 * Not reported although npm takes them too: --quiet (npm makes it its log level, and its loss only
 * adds a summary), --offline (who tells npm to stay offline means all of us: the verbs honour
 * npm_config_offline), --only (npm drops it with a warning of its own, and leaves no trace), --format
 * and --ignore (npm takes them for its --format-package-lock and --ignore-scripts: the loss is seen at
 * once, and adds findings).
 */
export const unreportedNames = ['format', 'ignore', 'offline', 'only', 'quiet'];

/** Every option whose loss is reported. */
export const reportedNames = [...ownNames, ...sharedNames];

const flags = [
  'bugs',
  'cap',
  'check',
  'escalate',
  'force',
  'list',
  'print-schedule',
  'quick',
  'step-others',
  'strace',
  'strict',
];

/**
 * The two functions of node:fs that are needed.
 * @typedef {object} Files
 * @property {(path: string) => boolean} existsSync
 * @property {(path: string, encoding: 'utf8') => string} readFileSync
 */

/**
 * The line to print when npm kept some of our options to itself; undefined when it did not.
 * @param {readonly string[]} argv the verb and the arguments that did arrive
 * @param {NodeJS.ProcessEnv} env
 * @param {Files} files
 */
export function swallowedOptionsMessage(argv, env, files) {
  const [verb, ...rest] = argv;
  if (!verb || env.npm_lifecycle_event !== verb) {
    return undefined;
  }
  const candidates = [
    ...ownNames.filter((name) => variable(env, name) !== undefined),
    ...sharedNames.filter((name) => variable(env, name) === 'true'),
  ];
  if (candidates.length === 0) {
    return undefined;
  }
  const configured = configuredNames(env, files);
  const swallowed = candidates.filter((name) => !configured.has(name));
  if (swallowed.length === 0) {
    return undefined;
  }
  const options = swallowed.map((name) => dashed(name, variable(env, name))).join(', ');
  const form = rightForm(rest, swallowed, env, files);
  return `npm kept ${options} to itself; put -- before the arguments: npm run ${verb} -- ${form}`;
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} name
 */
function variable(env, name) {
  return env[`npm_config_${name.replaceAll('-', '_')}`];
}

/**
 * @param {string} name
 * @param {string | undefined} value npm's: '' for `--no-NAME`
 */
function dashed(name, value) {
  return value === '' ? `--no-${name}` : `--${name}`;
}

/**
 * The arguments as they should have been given. npm does not tell which argument belonged to which
 * option; with one option and one spare argument it is clear, else a placeholder stands for it.
 * @param {readonly string[]} args
 * @param {readonly string[]} swallowed
 * @param {NodeJS.ProcessEnv} env
 * @param {Files} files
 */
function rightForm(args, swallowed, env, files) {
  const lacking = swallowed.filter(
    (name) => variable(env, name) === 'true' && !flags.includes(name),
  );
  const fileIndex = Math.max(0, args.findIndex(files.existsSync));
  const file = args[fileIndex] ?? 'FILE';
  const spare = args.filter((_, index) => index !== fileIndex);
  const isClear = lacking.length === 1 && spare.length === 1;
  const options = swallowed.map((name) => {
    const value = variable(env, name);
    if (lacking.includes(name)) {
      return `--${name} ${isClear ? spare[0] : 'VALUE'}`;
    }
    return value === 'true' || value === '' ? dashed(name, value) : `--${name} ${value}`;
  });
  return [file, ...options, ...(lacking.length > 0 ? [] : separated(spare))].join(' ');
}

/**
 * Arguments of the guest, which npm passed on without the `--` before them.
 * @param {readonly string[]} args
 */
function separated(args) {
  return args[0]?.startsWith('-') === false ? ['--', ...args] : args;
}

/**
 * Names that one of npm's configuration files sets: npm exports those in the same way as options.
 * @param {NodeJS.ProcessEnv} env
 * @param {Files} files
 */
function configuredNames(env, files) {
  const paths = [
    env.npm_config_userconfig,
    env.npm_config_globalconfig,
    env.npm_config_local_prefix && `${env.npm_config_local_prefix}/.npmrc`,
  ];
  /** @type {Set<string>} */
  const names = new Set();
  for (const path of paths) {
    if (path && files.existsSync(path)) {
      for (const [, name] of files.readFileSync(path, 'utf8').matchAll(/^\s*([\w-]+)/gm)) {
        names.add(name ?? '');
      }
    }
  }
  return names;
}
