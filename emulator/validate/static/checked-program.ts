import { RSEQ_SIGNATURE_BYTES } from '../../../kernel-model/abi/rseq.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import type { ObjectImage } from '../../loader/object/object-image.ts';
import { ObjectMemory } from '../../loader/object/object-memory.ts';
import type { AbiFamily } from '../rules/rule.ts';
import { type Arming, armedPlace, armingOf } from './arming.ts';
import type { CriticalSection } from './critical-section.ts';
import { type FoundSections, findSections } from './find-sections.ts';
import { type IncomingBranch, incomingBranches } from './incoming-branches.ts';
import { isThreadLocal } from './instruction.ts';
import { type RunUp, runUpTo } from './run-up.ts';

/** What librseq, glibc and tcmalloc register on x86-64. */
const USUAL_SIGNATURE = 0x5305_3053;

/** What a file is checked as. */
export interface CheckSettings {
  readonly kernel: KernelProfile;
  /** Registered by the program; found out from the file if left out. */
  readonly signature?: number | undefined;
}

/** A file with its sections, and what the checks ask about it; all but the sections on demand. */
export class CheckedProgram {
  readonly image: ObjectImage;
  readonly memory: ObjectMemory;
  readonly kernel: KernelProfile;
  readonly family: AbiFamily;
  readonly found: FoundSections;
  /** What every abort handler has to have in front. */
  readonly signature: number;
  readonly #runUps = new Map<number, RunUp>();
  #incoming: readonly IncomingBranch[] | undefined;

  constructor(image: ObjectImage, { kernel, signature }: CheckSettings) {
    this.image = image;
    this.memory = new ObjectMemory(image.segments);
    this.kernel = kernel;
    this.family = familyOf(kernel);
    this.found = findSections(image, this.memory, this.family, signature ?? USUAL_SIGNATURE);
    this.signature = signature ?? likelySignature(this.sections, this.memory);
  }

  get sections(): readonly CriticalSection[] {
    return this.found.sections;
  }

  /** The code that leads up to an address by lying in front of it. */
  runUp(address: number): RunUp {
    let runUp = this.#runUps.get(address);
    if (runUp === undefined) {
      runUp = runUpTo(this.image, this.memory, address);
      this.#runUps.set(address, runUp);
    }
    return runUp;
  }

  /** How a section is armed; in rfc-2017 by its own first store. */
  arming(section: CriticalSection): Arming {
    if (this.family !== 'rfc-2017') return armingOf(this.runUp(section.start));
    const store = section.code?.reached.find(({ memory }) => memory.some(({ writes }) => writes));
    const place = store && armedPlace(store);
    const value = store?.source === undefined ? store?.immediate : undefined;
    const isArming = place !== undefined && (isThreadLocal(place) || value === section.descriptor);
    if (store === undefined || place === undefined || !isArming) {
      return { kind: 'missing', instead: store };
    }
    return { kind: 'found', store, place, value };
  }

  /** Branches from outside into a section, its start included. */
  incoming({ start, end }: CriticalSection): readonly IncomingBranch[] {
    this.#incoming ??= incomingBranches(this.image, this.memory, this.sections);
    return this.#incoming.filter(({ target }) => target >= start && target < end);
  }
}

/** Of the ABI that a kernel has. */
function familyOf({ name }: Pick<KernelProfile, 'name'>): AbiFamily {
  const [base = name] = name.split('+');
  if (/^(linux|broken)-/.test(base)) return 'mainline';
  return base === 'rfc-2017' || base === 'desnoyers-2016b' ? base : 'other';
}

/**
 * The usual signature, unless all handlers (two at least) agree on another one: it is the program's to
 * choose, and the registration that names it is not looked for.
 */
function likelySignature(sections: readonly CriticalSection[], memory: ObjectMemory): number {
  const signatures = sections.map(({ abort }) => memory.u32(abort - RSEQ_SIGNATURE_BYTES));
  const [first] = signatures;
  const agreed = signatures.length > 1 && signatures.every((each) => each === first);
  return agreed && first !== undefined ? first : USUAL_SIGNATURE;
}
