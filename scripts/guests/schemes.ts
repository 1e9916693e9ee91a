/** A workload of guest/abi/ under one scheme. */
interface SchemeBuild {
  readonly name: string;
  readonly description: string;
  readonly source: string;
  readonly defines: readonly string[];
  readonly args: readonly string[];
  /** The profile that it is for; the mainline ones if left out. */
  readonly kernel?: string;
  readonly expected:
    | { readonly kind: 'exit'; readonly status: 0; readonly stdout: string }
    | { readonly kind: 'some-seed-fails'; readonly status: 1 };
  readonly findings?: readonly string[];
}

/** Header in guest/abi/ and, but for mainline, profile. */
const SCHEMES = [
  'mainline',
  'turner-v1',
  'turner-v2',
  'getcpu-cache',
  'thread-local-abi',
  'lutomirski-2016',
  'desnoyers-2016a',
  'desnoyers-2016b',
  'rfc-2017',
] as const;

const WORKLOADS = [
  {
    name: 'counter',
    description: 'per-CPU counters add up',
    args: ['8', '50'],
    stdout: 'counter: 8 tasks x 50 = 400 ok\n',
  },
  {
    name: 'list',
    description: 'per-CPU lists keep every node',
    args: ['6', '30'],
    stdout: 'list: 6 tasks x 30 rounds, 24 nodes kept ok\n',
  },
  {
    name: 'long',
    description: 'sections of 400 instructions lose nothing',
    args: ['6', '8'],
    stdout: 'long: 6 tasks x 8 sums of 96 words ok\n',
  },
] as const;

/** Nothing there is ever aborted, so there is nothing to mark. */
const SCHEMES_WITHOUT_SECTIONS: ReadonlySet<string> = new Set(['getcpu-cache', 'thread-local-abi']);

/** Those whose unprotected build lacks a store that files show. */
const SCHEMES_WITH_ARMING_RULE: ReadonlySet<string> = new Set(['mainline', 'rfc-2017']);

/** The same build with its critical section marked by a key, for debuggers. */
function keyed(build: SchemeBuild): SchemeBuild {
  return {
    ...build,
    name: `${build.name}-keyed`,
    description: `${build.description}, marked by a key`,
    defines: [...build.defines, 'RSEQ_KEYS'],
  };
}

/** One program with its critical sections marked by keys, and without: the same code. */
function keyBuilds(): readonly SchemeBuild[] {
  return ['keyed', 'unkeyed'].map((name) => ({
    name: `abi/turner-v2-${name}`,
    description: `turner-v2: sections ${name === 'keyed' ? '' : 'not '}marked by keys lose nothing`,
    source: 'abi/keyed.c',
    defines: ['RSEQ_SCHEME="abi/turner-v2.h"', ...(name === 'keyed' ? ['RSEQ_KEYS'] : [])],
    args: ['6', '30'],
    kernel: 'turner-v2',
    expected: {
      kind: 'exit',
      status: 0,
      stdout: 'keyed: 6 tasks x 30 rounds, no token lost ok\n',
    },
  }));
}

/** Every workload under every scheme, and its counter without what makes the scheme sound. */
export function schemeBuilds(): readonly SchemeBuild[] {
  const builds = SCHEMES.flatMap((scheme): SchemeBuild[] => {
    const defines = [`RSEQ_SCHEME="abi/${scheme}.h"`];
    const kernel = scheme === 'mainline' ? {} : { kernel: scheme };
    const sound = WORKLOADS.map(({ name, description, args, stdout }): SchemeBuild => {
      return {
        name: `abi/${scheme}-${name}`,
        description: `${scheme}: ${description}`,
        source: `abi/${name}.c`,
        defines,
        args,
        ...kernel,
        expected: { kind: 'exit', status: 0, stdout },
      };
    });
    const broken: SchemeBuild = {
      name: `abi/${scheme}-counter-unprotected`,
      description: `${scheme}: deliberately broken, per-CPU counters lose updates`,
      source: 'abi/counter.c',
      defines: [...defines, 'UNPROTECTED'],
      args: ['8', '50'],
      ...kernel,
      expected: { kind: 'some-seed-fails', status: 1 },
      ...(SCHEMES_WITH_ARMING_RULE.has(scheme) && { findings: ['R7'] }),
    };
    if (SCHEMES_WITHOUT_SECTIONS.has(scheme)) return [...sound, broken];
    return [...sound, broken, ...sound.slice(0, 1).map(keyed)];
  });
  return [...builds, ...keyBuilds()];
}
