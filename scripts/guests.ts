import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { UserError } from '../emulator/errors.ts';
import { BUG_INDEX_SCHEMA, type Bug } from '../emulator/regress/bug-index.ts';
import { bugBuilds } from './guests/bug-guests.ts';
import { kernelGuestBuilds } from './guests/kernel-guests.ts';
import { type BuiltGuests, compareWithManifest, publish } from './guests/publish.ts';
import { ruleGuestBuilds } from './guests/rule-guests.ts';
import { ruleRunBuilds } from './guests/rule-runs.ts';
import { schemeBuilds } from './guests/schemes.ts';

/** What a guest must do: end like this under every schedule, or fail under some schedule. */
export type ExpectedVerdict =
  | { readonly kind: 'exit'; readonly status: number; readonly stdout: string }
  | { readonly kind: 'some-seed-fails'; readonly status: number };

/** One file beside the manifest; `sha256` in lower-case hexadecimal. */
export interface ManifestFile {
  readonly path: string;
  readonly sha256: string;
}

/** One guest program. `source` and the paths are relative to the folder of the manifest. */
export interface ManifestGuest {
  readonly name: string;
  readonly description: string;
  readonly source: string;
  /** Preprocessor names defined for it. */
  readonly defines: readonly string[];
  /** The arguments it takes when none are given. */
  readonly args: readonly string[];
  /** The profile whose scheme it is written for; the mainline ones if left out. */
  readonly kernel?: string;
  readonly files: { readonly bin: ManifestFile; readonly elf: ManifestFile };
  readonly expected: ExpectedVerdict;
  /** The rules that it breaks in the eyes of `check`; none if left out. */
  readonly findings?: readonly string[];
}

/**
 * A guest of `kernel/`, whose outcome depends on the kernel: by each kernel that is tried, as
 * `--kernel` takes it. `signal` is the number that kills it, after it wrote `stdout`.
 */
export interface KernelGuest extends Omit<ManifestGuest, 'expected'> {
  readonly outcomes: Readonly<Record<string, KernelOutcome>>;
}

export type KernelOutcome =
  | ExpectedVerdict
  | { readonly kind: 'signal'; readonly signal: number; readonly stdout: string };

/**
 * A guest of `rules/`, made to be read by `check`: the rules that it breaks in the eyes of each kernel,
 * as `--kernel` takes it.
 */
export interface RuleGuest extends Omit<ManifestGuest, 'expected' | 'findings'> {
  readonly findings: Readonly<Record<string, readonly string[]>>;
}

/**
 * A guest of `rules/run/`: the rules that a run of it breaks, as validators find them under `settings`,
 * which are those of the command line's defaults where they are left out.
 */
export interface RuleRun extends Omit<ManifestGuest, 'expected' | 'kernel'> {
  readonly settings: {
    readonly kernel: string;
    readonly cpus?: number;
    readonly tick?: number;
    readonly escalate?: boolean;
    readonly maxInstructions?: number;
  };
  readonly findings: readonly string[];
}

/** `manifest.json`: the compiled guests, and the first version line of each tool that made them. */
export interface GuestManifest {
  readonly schema: { readonly name: 'rseq-testbed/guests'; readonly version: 1 };
  readonly compiler: string;
  readonly linker: string;
  readonly guests: readonly ManifestGuest[];
  readonly kernelGuests: readonly KernelGuest[];
  readonly ruleGuests: readonly RuleGuest[];
  readonly ruleRuns: readonly RuleRun[];
}

/** A source file and what both of its builds have in common. */
interface GuestProgram {
  readonly name: string;
  readonly description: string;
  readonly args: readonly string[];
  readonly stdout: string;
}

/** A build of a program; the manifest adds the files. */
type GuestBuild = Omit<ManifestGuest, 'files'>;

/** What is compiled; `name` is the path of its files without their endings. */
type CompiledGuest = Pick<ManifestGuest, 'name' | 'source' | 'defines'>;

interface Toolchain {
  readonly command: string;
  readonly leadingArguments: readonly string[];
  readonly compiler: string;
  readonly linker: string;
}

const programs: readonly GuestProgram[] = [
  {
    name: 'counter',
    description: 'Per-CPU counters add up',
    args: ['4', '200'],
    stdout: 'counter: 4 tasks x 200 = 800 ok\n',
  },
  {
    name: 'list',
    description: 'Per-CPU linked lists keep every node through push and pop',
    args: ['8', '100'],
    stdout: 'list: 8 tasks x 100 rounds, 32 nodes kept ok\n',
  },
  {
    name: 'buffer',
    description: 'Per-CPU pointer buffers keep every item through push and pop',
    args: ['8', '100'],
    stdout: 'buffer: 8 tasks x 100 rounds, 16 items kept ok\n',
  },
  {
    name: 'memcpy-buffer',
    description: 'Per-CPU buffers keep every record whole, copied and then committed',
    args: ['8', '100'],
    stdout: 'memcpy-buffer: 8 tasks x 100 rounds, 16 records kept ok\n',
  },
  {
    name: 'spinlock',
    description: 'Per-CPU trylocks let one thread in at a time',
    args: ['8', '100'],
    stdout: 'spinlock: 8 tasks x 100 = 800 ok\n',
  },
  {
    name: 'migrate',
    description: 'Threads hop between CPUs, find themselves there and lose no update',
    args: ['8', '50'],
    stdout: 'migrate: 8 tasks x 50 hops x 4 = 1600 ok\n',
  },
];

/** The run-time: what is the same for every build, and what looks at these defines. */
const sharedSources = ['start.S', 'memory.c', 'output.c', 'arguments.c'];
const threadSource = 'thread.c';
const runtimeDefines = /^(RSEQ_|UNPROTECTED$)/;

const compilerFlags = [
  ...['-std=c11', '-O2', '-march=x86-64', '-mtune=generic', '-mno-avx', '-mgeneral-regs-only'],
  ...['-ffreestanding', '-nostdlib', '-static', '-no-pie', '-fno-pic', '-fno-stack-protector'],
  ...['-fno-asynchronous-unwind-tables', '-fcf-protection=none', '-ffunction-sections'],
  ...['-fdata-sections', '-Wall', '-Wextra', '-Werror', '-Iinclude', '-I.'],
];

const linkerFlags = [
  ...['-Wl,-T,flat.ld', '-Wl,--build-id=none', '-Wl,--gc-sections', '-Wl,-z,noexecstack'],
  ...['-Wl,-z,max-page-size=4096', '-Wl,--orphan-handling=error'],
];

/** .bss becomes part of the file, so that the flat image is all there is to load. */
const flattenFlags = ['-O', 'binary', '--set-section-flags', '.bss=alloc,load,contents'];

const BUILDS_AT_ONCE = 4;

const helpText = `Usage: guests [--check] [--out DIR]

Compiles the guests, as .elf and as flat .bin, and writes manifest.json beside them, and bugs/index.json.

  --out DIR  the folder to write to (default: guest/)
  --check    compare what the compiler makes with guest/manifest.json; status 1 where they differ
  --help     this text

CC and OBJCOPY name the compiler (default gcc) and the tool that flattens (default objcopy).
`;

/**
 * The verb `guests`. Returns its exit status.
 * Errors: UserError where an option is unknown, a tool is missing or a guest does not compile.
 */
export async function main(args: string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(helpText);
    return 0;
  }
  const sourceDir = findSourceDir();
  const staging = await mkdtemp(join(tmpdir(), 'rseq-testbed-guests-'));
  try {
    const built = await buildGuests(sourceDir, staging);
    if (options.out !== undefined || !options.check) {
      await publish(built, staging, resolve(options.out ?? sourceDir));
    }
    return options.check ? await compareWithManifest(sourceDir, built) : 0;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function parseOptions(args: string[]): { check: boolean; help: boolean; out?: string } {
  try {
    const { values } = parseArgs({
      args,
      options: {
        check: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        out: { type: 'string' },
      },
    });
    return values;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('bad-option', `guests: ${reason}`);
  }
}

/** `guest/` of the project this file, or a bundle made of it, lies in. */
function findSourceDir(): string {
  for (const start of [import.meta.dirname, process.cwd()]) {
    for (let folder = start; folder !== dirname(folder); folder = dirname(folder)) {
      const candidate = join(folder, 'guest');
      if (existsSync(join(candidate, 'flat.ld'))) {
        return candidate;
      }
    }
  }
  throw new UserError('no-guest-sources', 'guests: found no guest/ folder with flat.ld in it');
}

/** Both builds of every program, in the order of the manifest. */
function guestBuilds(): readonly GuestBuild[] {
  return programs.flatMap(({ name, description, args, stdout }): GuestBuild[] => [
    {
      name,
      description,
      source: `${name}.c`,
      defines: [],
      args,
      expected: { kind: 'exit', status: 0, stdout },
    },
    {
      name: `${name}-unprotected`,
      description: `${description}: deliberately broken, its sections are never armed`,
      source: `${name}.c`,
      defines: ['UNPROTECTED'],
      args,
      expected: { kind: 'some-seed-fails', status: 1 },
      findings: ['R7'],
    },
  ]);
}

/** Compiles all guests into `outDir` (which exists) and describes them; writes no manifest. */
async function buildGuests(sourceDir: string, outDir: string): Promise<BuiltGuests> {
  const toolchain = await findToolchain();
  const runtimeFor = await compileRuntime(toolchain, sourceDir, outDir);
  const compile = async (guest: CompiledGuest) =>
    buildGuest(toolchain, sourceDir, outDir, { guest, runtime: await runtimeFor(guest.defines) });
  const guests = await inBatches([...guestBuilds(), ...schemeBuilds()], async (build) => {
    const { expected, ...described } = build;
    return { ...described, files: await compile(build), expected };
  });
  const compileBeside = (build: CompiledGuest) =>
    compile({ ...build, name: join(dirname(build.source), build.name) });
  const kernelGuests = await inBatches(kernelGuestBuilds, async (build): Promise<KernelGuest> => {
    const { outcomes, ...described } = build;
    return { ...described, files: await compileBeside(build), outcomes };
  });
  const ruleGuests = await inBatches(ruleGuestBuilds, async (build): Promise<RuleGuest> => {
    const { findings, ...described } = build;
    return { ...described, files: await compileBeside(build), findings };
  });
  const ruleRuns = await inBatches(ruleRunBuilds, async (build): Promise<RuleRun> => {
    const { settings, findings, ...described } = build;
    return { ...described, files: await compileBeside(build), settings, findings };
  });
  const bugs = await inBatches(bugBuilds, async (build): Promise<Bug> => {
    const { file: source, defines } = build;
    const name = `bugs/${build.id}`;
    const buggy = await compile({ name, source, defines });
    const fixed = await compile({ name: `${name}-fixed`, source, defines: [...defines, 'FIXED'] });
    return { ...build, buggy, fixed };
  });
  const manifest: GuestManifest = {
    schema: { name: 'rseq-testbed/guests', version: 1 },
    compiler: toolchain.compiler,
    linker: toolchain.linker,
    guests,
    kernelGuests,
    ruleGuests,
    ruleRuns,
  };
  return { manifest, index: { schema: BUG_INDEX_SCHEMA, bugs } };
}

/** Builds a few at once; the results are in the order of the builds. */
async function inBatches<B, R>(builds: readonly B[], make: (build: B) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let first = 0; first < builds.length; first += BUILDS_AT_ONCE) {
    const batch = builds.slice(first, first + BUILDS_AT_ONCE);
    results.push(...(await Promise.all(batch.map(make))));
  }
  return results;
}

/**
 * Compiles the run-time, once for every set of defines that it looks at. What it returns gives the
 * object files for a guest by its defines, in the order in which they are linked.
 */
async function compileRuntime(
  { command, leadingArguments }: Toolchain,
  sourceDir: string,
  outDir: string,
): Promise<(defines: readonly string[]) => Promise<readonly string[]>> {
  const compile = async (source: string, object: string, defines: readonly string[] = []) => {
    const flags = [...leadingArguments, ...compilerFlags, ...flagsOf(defines)];
    await runTool(command, [...flags, '-c', '-o', object, `runtime/${source}`], sourceDir);
    return object;
  };
  const shared = await Promise.all(
    sharedSources.map((source) => compile(source, join(outDir, `${source}.o`))),
  );
  const threads = new Map<string, Promise<string>>();
  return async (defines) => {
    const ours = defines.filter((define) => runtimeDefines.test(define));
    const key = ours.join();
    const object = join(outDir, `${threads.size}-${threadSource}.o`);
    const thread = threads.get(key) ?? compile(threadSource, object, ours);
    threads.set(key, thread);
    return [...shared, await thread];
  };
}

function flagsOf(defines: readonly string[]): readonly string[] {
  return defines.map((define) => `-D${define}`);
}

async function buildGuest(
  toolchain: Toolchain,
  sourceDir: string,
  outDir: string,
  { guest, runtime }: { readonly guest: CompiledGuest; readonly runtime: readonly string[] },
): Promise<ManifestGuest['files']> {
  const { name, source, defines } = guest;
  await mkdir(dirname(join(outDir, name)), { recursive: true });
  const elf = join(outDir, `${name}.elf`);
  const bin = join(outDir, `${name}.bin`);
  // Run inside the source folder, so that no path of this machine can reach a compiled file.
  const { command, leadingArguments } = toolchain;
  const flags = [...leadingArguments, ...compilerFlags, ...flagsOf(defines), ...linkerFlags];
  await runTool(command, [...flags, '-o', elf, ...runtime, source], sourceDir);
  await runTool(process.env.OBJCOPY || 'objcopy', [...flattenFlags, elf, bin], sourceDir);
  await chmod(bin, 0o644);
  return { bin: await describeFile(outDir, bin), elf: await describeFile(outDir, elf) };
}

async function describeFile(folder: string, path: string): Promise<ManifestFile> {
  const content = await readFile(path);
  return {
    path: relative(folder, path),
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}

/** Runs one tool, returns its first line; its messages go to standard error only where it fails. */
async function runTool(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const result = await execa(command, args, { ...(cwd && { cwd }), reject: false });
  if (result.code === 'ENOENT' || result.code === 'EACCES') {
    const hint = 'install gcc and binutils, or name them by CC and OBJCOPY';
    throw new UserError('no-compiler', `guests: ${command} does not run; ${hint}`);
  }
  if (result.failed) {
    process.stderr.write(`${result.stderr}\n`);
    throw new UserError('guest-does-not-compile', `guests: ${command} fails`);
  }
  return result.stdout.split('\n')[0] ?? '';
}

async function findToolchain(): Promise<Toolchain> {
  const [command = 'gcc', ...leadingArguments] = (process.env.CC || 'gcc').trim().split(/\s+/);
  const compiler = await runTool(command, [...leadingArguments, '--version']);
  const linker = await runTool(command, [...leadingArguments, '-Wl,--version', '-nostdlib']);
  return { command, leadingArguments, compiler, linker };
}
