import { readObject } from '../../loader/object/read-object.ts';
import type { Finding } from '../finding.ts';
import type { RuleId } from '../rules/registry.ts';
import { findSourceLines } from '../source-lines.ts';
import { applySuppressions, type Suppression } from '../suppressions.ts';
import { checkImage } from './check-image.ts';
import type { CheckedProgram, CheckSettings } from './checked-program.ts';

/** A finding with the file that it is in. */
export interface FileFinding extends Finding {
  readonly file: CheckedFile;
}

/** One of the files. */
export interface CheckedFile {
  readonly path: string;
  readonly program: CheckedProgram;
  /** What the user should know of how it was read, one line each. */
  readonly notes: readonly string[];
}

/** What a check of several files has found. */
export interface CheckOutcome {
  readonly kernel: string;
  readonly files: readonly CheckedFile[];
  readonly findings: readonly FileFinding[];
  readonly suppressed: readonly { readonly finding: FileFinding; readonly reason: string }[];
  readonly unusedSuppressions: readonly Suppression[];
}

export interface CheckOptions extends CheckSettings {
  /** Whether findings of a rule are wanted. */
  readonly wants: (rule: RuleId) => boolean;
  readonly suppressions: readonly Suppression[];
}

/** Checks files one by one. @throws UserError for a file that cannot be read. */
export async function checkFiles(
  paths: readonly string[],
  options: CheckOptions,
): Promise<CheckOutcome> {
  const files: CheckedFile[] = [];
  const all: FileFinding[] = [];
  for (const path of paths) {
    const image = readObject(path);
    const { program, findings } = checkImage(image, options);
    const wanted = findings.filter(({ rule }) => options.wants(rule));
    const { lines, note } = await findSourceLines(image, wanted.map(lineAddress));
    const notes = [...image.warnings, ...program.found.notes, ...familyNotes(program)];
    const file = { path, program, notes: note === undefined ? notes : [...notes, note] };
    files.push(file);
    for (const finding of wanted) {
      const source = lines.get(lineAddress(finding));
      all.push({ ...finding, ...(source !== undefined && { source }), file });
    }
  }
  const { findings, suppressed, unused } = applySuppressions(all, options.suppressions);
  const { name } = options.kernel;
  return { kernel: name, files, findings, suppressed, unusedSuppressions: unused };
}

/** Data has no line: a finding in a descriptor is shown at its section. */
function lineAddress({ address, section }: Finding): number {
  const isData =
    section !== undefined &&
    section.descriptor !== undefined &&
    address >= section.descriptor &&
    address < section.descriptor + 32;
  return isData ? section.start : address;
}

function familyNotes({ family, kernel }: CheckedProgram): readonly string[] {
  return family === 'other' ? [`${kernel.name} has no descriptors: there is nothing to check`] : [];
}
