import { UserError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import { SHF_ALLOC, SHF_EXECINSTR, SHT_PROGBITS } from './elf-constants.ts';
import { hasElfMagic, readElfHeader } from './elf-header.ts';
import { readSections } from './elf-sections.ts';
import { initialMemory, type ProgramImage, type Section, type Segment } from './image.ts';
import { refuse } from './refuse.ts';
import { findSymbolSource, SymbolTable } from './symbols.ts';

const CODE_FLAGS = SHF_ALLOC | SHF_EXECINSTR;

/**
 * The image with the symbols of another ELF file of the same program: the twin of a flat image, an
 * unstripped copy, or what `objcopy --only-keep-debug` made. An image without sections gets those, too.
 * @param path of the file with the symbols; `bytes` is the whole of it.
 * @throws UserError `symbols-unusable` if the file cannot be read as ELF64, is damaged, has no
 *   symbols, or if its code is not that of the image.
 */
export function withSymbols(image: ProgramImage, path: string, bytes: Uint8Array): ProgramImage {
  const reader = new ByteReader(bytes);
  if (!hasElfMagic(bytes)) refuse('symbols-unusable', path, 'not an ELF64 file');
  const header = readElfHeader(path, reader);
  const { sections, problem } = readSections(reader, header, image.loadBias);
  if (problem !== undefined) refuse('symbols-unusable', path, problem);
  const source = findSymbolSource(sections, image.loadBias);
  if (source === undefined) refuse('symbols-unusable', path, 'no symbol table');
  if (!hasSameCode(image.segments, sections)) {
    refuse('symbols-unusable', path, 'its code is not that of the program');
  }
  return {
    ...image,
    symbols: new SymbolTable(source),
    sections: image.sections.length > 0 ? image.sections : sections.slice(1),
  };
}

/** Runs `action`; what it refuses is reported as a file without usable symbols. */
export function refusedAsSymbols<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError('symbols-unusable', `no symbols from ${error.message}`);
  }
}

/** Sections without bytes in the file (stripped to debug information) need only have a place. */
function hasSameCode(segments: readonly Segment[], sections: readonly Section[]): boolean {
  const code = sections.filter(
    ({ flags, size }) => size > 0 && (flags & CODE_FLAGS) === CODE_FLAGS,
  );
  return (
    code.length > 0 &&
    code.every(({ address, size, type, bytes }) => {
      const memory = initialMemory(segments, address, type === SHT_PROGBITS ? size : 0);
      return memory !== undefined && Buffer.compare(memory, bytes) === 0;
    })
  );
}
