import { parseElf } from './elf.ts';
import { hasElfMagic } from './elf-header.ts';
import { parseFlat } from './flat.ts';
import type { LoadedProgram, ProgramFormat } from './image.ts';
import { refuse } from './refuse.ts';

/**
 * Makes an image of the bytes of a file. Without `format`, files with the ELF magic are ELF and others
 * flat if their name ends in `.bin`.
 * @throws UserError if the file is no program that can run here.
 */
export function parseProgram(
  path: string,
  bytes: Uint8Array,
  format?: ProgramFormat,
): LoadedProgram {
  if (bytes.length === 0) refuse('program-empty', path, 'an empty file');
  const isElf = hasElfMagic(bytes);
  switch (format ?? (isElf ? 'elf' : 'flat')) {
    case 'elf':
      if (!isElf) refuse('program-format', path, 'not an ELF64 executable');
      return parseElf(path, bytes);
    case 'flat':
      if (format === undefined && !path.endsWith('.bin')) {
        refuse('program-format', path, 'not an ELF64 executable or a flat image (.bin)');
      }
      return { image: parseFlat(path, bytes), warnings: [] };
  }
}
