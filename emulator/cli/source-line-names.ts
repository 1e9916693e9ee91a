import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import type { TracedEvent } from '../explore/failure/trace.ts';
import type { ProgramImage } from '../loader/image.ts';
import { readObject } from '../loader/object/read-object.ts';
import { findSourceLines } from '../validate/source-lines.ts';

/** Names the source line of an instruction; `undefined` where the program does not say it. */
export type SourceLineName = (address: number) => string | undefined;

/** The source lines of what a run executed, `file.c:12`, where the program has debug information. */
export async function nameSourceLines(
  image: ProgramImage,
  events: readonly TracedEvent[],
): Promise<SourceLineName> {
  const inFile = (address: number): number => address - image.loadBias;
  const addresses = events.flatMap((event) =>
    event.kind === 'step' ? [inFile(event.address)] : [],
  );
  try {
    const { lines } = await findSourceLines(readObject(image.path), addresses);
    return (address) => {
      const found = lines.get(inFile(address));
      return found && `${basename(found.file)}:${found.line}`;
    };
  } catch (error) {
    // What can be run is not always a file that can be read so.
    if (error instanceof UserError) return () => undefined;
    throw error;
  }
}
