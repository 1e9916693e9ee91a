import { formatAddress } from '../../kernel-model/hardware/address.ts';
import { PROT_EXEC } from '../../kernel-model/mm/mapping.ts';
import { ByteReader } from './byte-reader.ts';
import { SHF_ALLOC, SHF_EXECINSTR } from './elf-constants.ts';
import type { ProgramImage } from './image.ts';

/** The section that the three inline functions of the key scheme fill; see docs/stepping.md. */
export const KEY_SECTION = '__rseq_keys';
/** Three little-endian u64: type, instruction address, address of the key. */
const TUPLE_BYTES = 24;
const ADDRESS_OFFSET = 8;
const KEY_OFFSET = 16;

const TYPES: ReadonlyMap<number, KeyTuple['type']> = new Map([
  [1, 'start'],
  [2, 'finish'],
  [3, 'abort'],
]);

/** One call of rseq_start, rseq_finish or rseq_abort. */
export interface KeyTuple {
  readonly type: 'start' | 'finish' | 'abort';
  /** First instruction of the entry; of an exit, the first one after the section. */
  readonly address: number;
  /** Of the key object, which tells sections apart. */
  readonly key: number;
}

/** What is in a key section, and what is wrong with it, one line each. */
export interface KeyTuples {
  readonly tuples: readonly KeyTuple[];
  readonly problems: readonly string[];
}

/**
 * The tuples of a program's key section (Desnoyers on linux-kernel, 8 April 2016: tuples of type,
 * instruction address and key in a section that is not loaded); `undefined` if it has none. As no
 * loader relocates such a section, the load bias of a position-independent program is added here.
 * Tuples that make no sense are left out, and named.
 */
export function readKeyTuples(image: ProgramImage): KeyTuples | undefined {
  const section = image.sections.find(({ name }) => name === KEY_SECTION);
  if (section === undefined) return undefined;
  const { bytes, flags } = section;
  const problems: string[] = [];
  const report = (what: string) => problems.push(`section ${KEY_SECTION}: ${what}`);
  if ((flags & SHF_ALLOC) !== 0) report('it is loaded, so its addresses may not be final');
  if (bytes.length % TUPLE_BYTES !== 0) report('it ends in half a tuple');
  const reader = new ByteReader(bytes);
  const tuples: KeyTuple[] = [];
  for (let at = 0; at + TUPLE_BYTES <= reader.length; at += TUPLE_BYTES) {
    const number = reader.u64(at);
    const type = TYPES.get(number);
    const address = reader.u64(at + ADDRESS_OFFSET) + image.loadBias;
    const index = at / TUPLE_BYTES;
    if (type === undefined) report(`tuple ${index} has the unknown type ${number}`);
    else if (isText(image, address)) {
      tuples.push({ type, address, key: reader.u64(at + KEY_OFFSET) + image.loadBias });
    } else report(`tuple ${index} (${type}) is at ${formatAddress(address)}, outside the text`);
  }
  return { tuples, problems };
}

/** Whether there is code at an address, by the sections or, without any, by the segments. */
function isText({ sections, segments }: ProgramImage, address: number): boolean {
  const code = sections.filter(({ flags }) => (flags & SHF_EXECINSTR) !== 0);
  if (code.length > 0) {
    return code.some((each) => address >= each.address && address < each.address + each.size);
  }
  return segments.some(
    (each) =>
      (each.protection & PROT_EXEC) !== 0 &&
      address >= each.address &&
      address < each.address + each.memorySize,
  );
}
