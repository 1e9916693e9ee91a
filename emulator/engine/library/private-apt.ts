import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Environment } from './cache.ts';
import { missingEngine, oneLine } from './missing.ts';

/** What a command left. */
interface CommandResult {
  readonly failed: boolean;
  readonly stdout: string;
  /** The line of its standard error that tells most; empty when it had nothing to say. */
  readonly reason: string;
}

/** Commands of apt and dpkg that read and write one private folder, which is their cwd. */
export interface PrivateApt {
  /** The options that keep apt-get and apt-cache inside the folder. */
  readonly options: readonly string[];
  /** Errors: UserError `engine-missing` when there is no such command; the rest is in the result. */
  readonly run: (command: string, args: readonly string[]) => Promise<CommandResult>;
}

/** Debian's names of the architectures, by Node's. */
const debianArchitectures: Partial<Record<NodeJS.Architecture, string>> = {
  arm: 'armhf',
  arm64: 'arm64',
  ia32: 'i386',
  loong64: 'loong64',
  ppc64: 'ppc64el',
  riscv64: 'riscv64',
  s390x: 's390x',
  x64: 'amd64',
};

const commandTimeoutMilliseconds = 300_000;

/**
 * Prepares `folder` (absolute path) to hold the lists and caches of apt for this process's
 * architecture. Sources, keys, preferences and proxies stay those of the system.
 */
export async function preparePrivateApt(folder: string, env: Environment): Promise<PrivateApt> {
  const lists = join(folder, 'lists');
  const archives = join(folder, 'archives');
  await mkdir(join(lists, 'partial'), { recursive: true });
  await mkdir(join(archives, 'partial'), { recursive: true });
  const configuration = join(folder, 'apt.conf');
  await writeFile(configuration, aptConfiguration());
  const settings = {
    'Dir::State': folder,
    'Dir::State::lists': lists,
    'Dir::State::status': '/dev/null',
    'Dir::Cache': folder,
    'Dir::Cache::archives': archives,
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return {
    options: ['-q', '-c', configuration, ...options],
    run: (command, args) => runCommand(command, args, folder, env),
  };
}

/** See apt.conf(5); a file, because only a file can clear what the system's configuration sets. */
function aptConfiguration(): string {
  const architecture = debianArchitectures[process.arch];
  if (architecture === undefined) {
    throw missingEngine(`Debian has no packages for ${process.arch}`);
  }
  return [
    // The system's hooks act on the system's own lists.
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    '#clear APT::Architectures;',
    `APT::Architecture "${architecture}";`,
    `APT::Architectures { "${architecture}"; };`,
    // Run by root, apt would change to a user that may not enter the folder.
    'APT::Sandbox::User "root";',
    'Acquire::Languages "none";',
    'Acquire::GzipIndexes "true";',
    'Acquire::Retries "1";',
    'Acquire::http::Timeout "20";',
    'Acquire::https::Timeout "20";',
    '',
  ].join('\n');
}

async function runCommand(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Environment,
): Promise<CommandResult> {
  const result = await execa(command, args, {
    cwd,
    env: { ...env, LC_ALL: 'C' },
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    timeout: commandTimeoutMilliseconds,
  });
  if (result.code === 'ENOENT') {
    throw missingEngine(`there is no ${command} here to fetch it with`);
  }
  const said = result.timedOut
    ? `no answer after ${commandTimeoutMilliseconds / 1000} s`
    : essentialLine(result.stderr);
  const ended = result.originalMessage || `it ended with ${result.signal ?? result.exitCode}`;
  const reason = result.failed ? said || ended : said;
  return { failed: result.failed, stdout: result.stdout, reason };
}

/** The last line that says something; apt ends a failed update with one that does not. */
function essentialLine(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => !line.includes('Some index files failed to download'));
  return oneLine((telling.at(-1) ?? '').replace(/^[EW]: /, ''));
}
