import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GuestManifest, ManifestGuest } from '../../scripts/guests.ts';

/** The folder of the committed guests. */
export const guestDir = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'guest');

/** The manifest in `folder`, by default the committed one. */
export async function readManifest(folder = guestDir): Promise<GuestManifest> {
  return JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
}

/** Whether the guest is one of those that lose updates on purpose. */
export function isUnprotected(guest: ManifestGuest): boolean {
  return guest.defines.includes('UNPROTECTED');
}

/** Whether the guest is one of guest/abi/, a workload in terms of some scheme's macros. */
export function isSchemeGuest(guest: ManifestGuest): boolean {
  return guest.source.startsWith('abi/');
}

/** Whether mainline kernels run the guest. */
export function isForMainline(guest: ManifestGuest): boolean {
  return guest.kernel === undefined;
}
