import { existsSync } from 'node:fs';
import { PROT_EXEC, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import { ByteReader } from '../byte-reader.ts';
import { ET_REL } from '../elf-constants.ts';
import { hasElfMagic, readElfHeader } from '../elf-header.ts';
import { loadProgram, readProgramFile } from '../load.ts';
import { refuse, shownPath } from '../refuse.ts';
import { sha256 } from '../sha256.ts';
import { readLinked } from './linked.ts';
import type { ObjectImage } from './object-image.ts';
import { readRelocatable } from './relocatable.ts';

/**
 * Reads a file for whoever looks at its code: any ELF64 file for x86-64 but a core dump, or a flat
 * image with the symbols of the `.elf` beside it.
 * @throws UserError for everything else, in one line.
 */
export function readObject(path: string): ObjectImage {
  const bytes = readProgramFile(path);
  if (bytes.length === 0) refuse('program-empty', path, 'an empty file');
  return hasElfMagic(bytes) ? parseObject(path, bytes) : readFlat(path);
}

/** An ELF file of any type that holds code. @throws UserError */
export function parseObject(path: string, bytes: Uint8Array): ObjectImage {
  const reader = new ByteReader(bytes);
  const header = readElfHeader(path, reader, true);
  const read = header.type === ET_REL ? readRelocatable : readLinked;
  const { problem, ...contents } = read(path, reader, header);
  return {
    path,
    sha256: sha256(bytes),
    ...contents,
    warnings: problem === undefined ? [] : [`${shownPath(path)}: ${problem}`],
    debugPath: path,
  };
}

function readFlat(path: string): ObjectImage {
  const { image, warnings } = loadProgram(path);
  const sibling = `${path.replace(/\.bin$/, '')}.elf`;
  return {
    path,
    kind: 'flat',
    sha256: image.sha256,
    segments: image.segments.map(({ address, memorySize, bytes, protection }) => ({
      address,
      size: memorySize,
      bytes,
      writable: (protection & PROT_WRITE) !== 0,
      executable: (protection & PROT_EXEC) !== 0,
    })),
    sections: image.sections,
    symbols: image.symbols,
    warnings,
    debugPath: image.sections.length > 0 && existsSync(sibling) ? sibling : path,
  };
}
