import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import { selectorOf } from '../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { OUTPUT_OPTIONS, parseKernel } from './options.ts';
import { checkWritable, writeFileOrStdout } from './output.ts';
import type { Verb } from './verb.ts';

const KERNELS_SCHEMA = { name: 'rseq-testbed/kernels', version: 1 } as const;

/** `kernels [KERNEL]`: what `--kernel` knows, and what sets each kernel apart. */
export const kernelsVerb: Verb = {
  describe: 'list the kernels that --kernel knows',
  positionals: '[kernel]',
  configure: (parser) =>
    parser
      .positional('kernel', { type: 'string', describe: 'only this one: a profile or a version' })
      .options({
        json: { ...OUTPUT_OPTIONS.json, describe: 'write the list as JSON (- is stdout)' },
      })
      .example('$0 5.15', 'which profile stands for Linux 5.15'),
  prepare: ({ kernel, json }) => {
    const profiles =
      kernel === undefined ? Object.values<KernelProfile>(PROFILES) : [parseKernel(String(kernel))];
    return async () => {
      const path = json === undefined ? undefined : String(json);
      checkWritable(path);
      if (path === undefined) process.stdout.write(formatList(profiles));
      else writeFileOrStdout(path, `${JSON.stringify(toJson(profiles), null, 2)}\n`);
      return 0;
    };
  },
};

function toJson(profiles: readonly KernelProfile[]) {
  return {
    schema: KERNELS_SCHEMA,
    profiles: profiles.map((profile) => ({
      name: profile.name,
      selector: selectorOf(profile),
      era: profile.era,
      aliases: profile.aliases,
      options: Object.keys(profile.options ?? {}),
      release: profile.release,
      differences: profile.differences,
      sources: profile.sources,
      inferred: profile.inferred,
    })),
  };
}

function formatList(profiles: readonly KernelProfile[]): string {
  return `${profiles.map(formatProfile).join('\n')}`;
}

function formatProfile(profile: KernelProfile): string {
  const { name, era, aliases, differences, sources, inferred } = profile;
  const options = Object.keys(profile.options ?? {}).map((option) => `+${option}`);
  const also = [...aliases, ...options].join(', ');
  return [
    `${name}${also === '' ? '' : ` (${also})`}: ${era}`,
    ...differences.map((each) => `  - ${each}`),
    ...inferred.map((each) => `  inferred: ${each}`),
    ...sources.map((each) => `  source: ${each}`),
    '',
  ].join('\n');
}
