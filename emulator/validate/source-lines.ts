import { execa } from 'execa';
import { SHF_ALLOC } from '../loader/elf-constants.ts';
import type { ObjectImage } from '../loader/object/object-image.ts';
import type { SourceLine } from './finding.ts';

const TOOL = 'addr2line';
const TIME_LIMIT_MS = 20_000;

/** Lines by address, and why there are none if that is for a reason the user can change. */
export interface SourceLines {
  readonly lines: ReadonlyMap<number, SourceLine>;
  readonly note?: string;
}

const NO_LINES: ReadonlyMap<number, SourceLine> = new Map();

/**
 * The source lines of addresses, from the DWARF line table as addr2line of binutils reads it: one child
 * process for all of them; in a file that is not linked, one a section.
 */
export async function findSourceLines(
  image: ObjectImage,
  addresses: Iterable<number>,
): Promise<SourceLines> {
  const wanted = [...new Set(addresses)];
  if (wanted.length === 0) return { lines: NO_LINES };
  if (!image.sections.some(({ name }) => name === '.debug_line')) {
    return { lines: NO_LINES, note: 'no source lines: no debug information (compile with -g)' };
  }
  const lines = new Map<number, SourceLine>();
  for (const group of groupsOf(image, wanted)) {
    const options = group.section === undefined ? [] : ['-j', group.section];
    const input = group.addresses.map((each) => (each - group.base).toString(16)).join('\n');
    const { stdout, failed, code } = await execa(TOOL, ['-e', image.debugPath, ...options], {
      input,
      reject: false,
      timeout: TIME_LIMIT_MS,
    });
    if (code === 'ENOENT') {
      return { lines: NO_LINES, note: `no source lines: ${TOOL} (binutils) is not installed` };
    }
    if (failed) return { lines, note: `no source lines: ${TOOL} fails` };
    stdout.split('\n').forEach((text, index) => {
      const line = parseLine(text);
      const address = group.addresses[index];
      if (line !== undefined && address !== undefined) lines.set(address, line);
    });
  }
  return { lines };
}

/** Addresses that are asked for together, and what counts from which section. */
interface AddressGroup {
  readonly section?: string;
  readonly base: number;
  readonly addresses: readonly number[];
}

function groupsOf(image: ObjectImage, addresses: readonly number[]): readonly AddressGroup[] {
  if (image.kind !== 'relocatable') return [{ base: 0, addresses }];
  return image.sections.flatMap(({ name, address, size, flags }) => {
    if ((flags & SHF_ALLOC) === 0) return [];
    const inside = addresses.filter((each) => each >= address && each < address + size);
    return inside.length === 0 ? [] : [{ section: name, base: address, addresses: inside }];
  });
}

/** `/src/file.c:12`, `file.c:12 (discriminator 3)`, `??:0`, `??:?`. */
function parseLine(text: string): SourceLine | undefined {
  const match = /^(.+):(\d+)(?: \(discriminator \d+\))?$/.exec(text);
  const line = Number(match?.[2]);
  const file = match?.[1];
  return file === undefined || file === '??' || line === 0 ? undefined : { file, line };
}
