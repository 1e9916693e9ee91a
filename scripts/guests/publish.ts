import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../../emulator/errors.ts';
import { type BugIndex, parseBugIndex } from '../../emulator/regress/bug-index.ts';
import type { GuestManifest, ManifestFile } from '../guests.ts';

/** The index of the seeded bugs, beside the manifest. */
const indexPath = 'bugs/index.json';

/** All that is built: the manifest, and the index of the seeded bugs. */
export interface BuiltGuests {
  readonly manifest: GuestManifest;
  readonly index: BugIndex;
}

/** Copies a finished build, so that one that fails leaves the folder as it was. */
export async function publish(built: BuiltGuests, staging: string, outDir: string): Promise<void> {
  await mkdir(outDir, { recursive: true });
  for (const { path } of builtFiles(built)) {
    await mkdir(dirname(join(outDir, path)), { recursive: true });
    await copyFile(join(staging, path), join(outDir, path));
  }
  const { manifest, index } = built;
  await writeFile(join(outDir, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeFile(join(outDir, indexPath), `${JSON.stringify(index, null, 2)}\n`);
  const { guests, kernelGuests, ruleGuests, ruleRuns } = manifest;
  const count = [guests, kernelGuests, ruleGuests, ruleRuns].flat().length;
  const bugs = index.bugs.length;
  process.stdout.write(`guests: ${count} and ${bugs} bugs built by ${manifest.compiler}\n`);
}

/** Prints each file that came out other than the manifest says; 1 where there is one, else 0. */
export async function compareWithManifest(sourceDir: string, built: BuiltGuests): Promise<number> {
  const path = join(sourceDir, 'manifest.json');
  if (!existsSync(path) || !existsSync(join(sourceDir, indexPath))) {
    throw new UserError('no-manifest', `guests: there is no ${path} to check against`);
  }
  const manifest: GuestManifest = JSON.parse(await readFile(path, 'utf8'));
  const bugs = await readFile(join(sourceDir, indexPath), 'utf8');
  const committed: BuiltGuests = { manifest, index: parseBugIndex(indexPath, bugs) };
  const hashes = new Map(builtFiles(committed).map(({ path, sha256 }) => [path, sha256]));
  const differing = builtFiles(built).filter(({ path, sha256 }) => hashes.get(path) !== sha256);
  for (const { path } of differing) {
    process.stdout.write(`${path} differs from the manifest\n`);
  }
  for (const tool of ['compiler', 'linker'] as const) {
    if (built.manifest[tool] !== manifest[tool]) {
      process.stdout.write(`${tool}: ${built.manifest[tool]}; the manifest's: ${manifest[tool]}\n`);
    }
  }
  process.stdout.write(`guests: ${differing.length} of ${hashes.size} files differ\n`);
  return differing.length > 0 ? 1 : 0;
}

function builtFiles({ manifest, index }: BuiltGuests): readonly ManifestFile[] {
  return [
    ...[manifest.guests, manifest.kernelGuests, manifest.ruleGuests, manifest.ruleRuns]
      .flat()
      .map(({ files }) => files),
    ...index.bugs.flatMap(({ buggy, fixed }) => [buggy, fixed]),
  ].flatMap(({ bin, elf }) => [bin, elf]);
}
