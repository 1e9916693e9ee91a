import koffi, { type LibraryHandle } from 'koffi';
import { oneLine } from './missing.ts';

/** What became of trying a library: `reason` is one line, without the name that was tried. */
type Probe =
  | { readonly kind: 'usable' }
  | { readonly kind: 'unloadable'; readonly reason: string }
  | { readonly kind: 'unsuitable'; readonly reason: string };

const oldestMajor = 2;

/**
 * Loads the library behind a path or soname and asks for its version. Never throws. A usable
 * library stays loaded, so that loading it again costs next to nothing.
 */
export function probeLibrary(pathOrSoname: string): Probe {
  let library: LibraryHandle;
  try {
    library = koffi.load(pathOrSoname);
  } catch (error) {
    return { kind: 'unloadable', reason: loaderReason(pathOrSoname, error) };
  }
  const major = majorVersion(library);
  if (major === undefined) {
    return { kind: 'unsuitable', reason: 'it is not libunicorn (no uc_version in it)' };
  }
  if (major < oldestMajor) {
    const reason = `it is Unicorn ${major}, and ${oldestMajor} or newer is needed`;
    return { kind: 'unsuitable', reason };
  }
  return { kind: 'usable' };
}

function majorVersion(library: LibraryHandle): number | undefined {
  const outUint = koffi.out(koffi.pointer('uint'));
  try {
    const major = [0];
    library.func('uc_version', 'uint', [outUint, outUint])(major, [0]);
    return major[0];
  } catch {
    return undefined;
  }
}

function loaderReason(pathOrSoname: string, error: unknown): string {
  const message = oneLine(error instanceof Error ? error.message : String(error));
  const withoutKoffi = message.replace(/^Failed to load shared library: /, '');
  const ownPrefix = `${pathOrSoname}: `;
  return withoutKoffi.startsWith(ownPrefix) ? withoutKoffi.slice(ownPrefix.length) : withoutKoffi;
}
