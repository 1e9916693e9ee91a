import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import { selectorOf } from '../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { wrap } from '../compare/table.ts';
import { OUTPUT_OPTIONS, parseKernel } from './options.ts';
import { checkWritable, writeFileOrStdout } from './output.ts';
import type { Verb } from './verb.ts';

const WIDTH = 80;
const HANG = '    ';
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
  const before = predecessorOf(profile);
  return [
    ...hang('', `${name}${also === '' ? '' : ` (${also})`}: ${era}`),
    ...askedAs(profile).flatMap((each) => hang('  ', each)),
    ...(before === undefined ? [] : [`  otherwise as ${before.name}`]),
    ...differences.flatMap((each) => hang('  ', `- ${each}`)),
    ...inferred.flatMap((each) => hang('  ', `inferred: ${each}`)),
    ...sources.flatMap((each) => hang('  ', `source: ${each}`)),
    '',
  ].join('\n');
}

/** What a release has of its own besides the profile that stands for it. */
function askedAs({ name, selector, lastSyscall }: KernelProfile): readonly string[] {
  if (selector === undefined || selector === name) return [];
  return [`asked for as ${selector}: system calls up to ${lastSyscall}`];
}

/** The mainline kernel before a mainline kernel: profiles state only what changed. */
function predecessorOf({ name }: KernelProfile): KernelProfile | undefined {
  const mainline = Object.values<KernelProfile>(PROFILES).filter(
    ({ scheme, lostEvents }) => scheme === 'mainline' && lostEvents === undefined,
  );
  const [plain] = name.split('+');
  return mainline[mainline.findIndex((each) => each.name === plain) - 1];
}

/** A text in lines that fit a terminal, the later ones further in. */
function hang(indent: string, text: string): readonly string[] {
  const lines = wrap(text, WIDTH - indent.length - HANG.length);
  return lines.map((line, i) => `${indent}${i === 0 ? '' : HANG}${line}`);
}
