import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import { type ProgramImage, sectionBytes } from '../loader/image.ts';
import { KEY_SECTION, readKeyTuples } from '../loader/rseq-keys.ts';
import type { Machine } from '../machine/machine.ts';
import type { GuestAccess } from '../machine/run.ts';
import { readKeySections } from '../stepping/key-sections.ts';
import { runUnderLoad } from './load.ts';
import { Stage } from './stage.ts';
import { measureStepping, type SteppingRow } from './stepping.ts';
import { guestImage } from './subject.ts';

/** What the tuples of one key say. */
export interface KeyCounts {
  readonly key: string;
  readonly starts: number;
  readonly finishes: number;
  readonly aborts: number;
}

/** Exits of one kind that a task took, and its stores to shared data since the start before each. */
export interface ExitCounts {
  readonly taken: number;
  readonly stores: number;
}

/** One program built with and without the tuples of the key scheme. */
export interface KeyRow {
  readonly guest: string;
  readonly profile: string;
  readonly keys: readonly KeyCounts[];
  /** What is wrong with the tuples. */
  readonly problems: readonly string[];
  readonly finish: ExitCounts;
  readonly abort: ExitCounts;
  readonly text: { readonly bytes: number; readonly isSame: boolean };
  /** Instructions of one uninterrupted run of each. */
  readonly instructions: { readonly keyed: number; readonly unkeyed: number };
  readonly stepping: readonly SteppingRow[];
}

const PROFILE = PROFILES['turner-v2'];
const KEYED = 'abi/turner-v2-keyed.bin';
const UNKEYED = 'abi/turner-v2-unkeyed.bin';
/** Enough for the stack of tokens to be full, so that sections are left without a commit. */
const TRACED_INSTRUCTIONS = 2000;
const ARGS = ['2', '50'];

export function measureKeys(machine: Machine): KeyRow {
  const keyed = guestImage(KEYED);
  const unkeyed = guestImage(UNKEYED);
  const text = sectionBytes(keyed, '.text') ?? new Uint8Array();
  const other = sectionBytes(unkeyed, '.text') ?? new Uint8Array();
  const tuples = readKeyTuples(keyed)?.tuples ?? [];
  const keys = [...new Set(tuples.map(({ key }) => key))].map((key): KeyCounts => {
    const count = (type: string): number =>
      tuples.filter((tuple) => tuple.key === key && tuple.type === type).length;
    return {
      key: keyed.symbols.format(key),
      starts: count('start'),
      finishes: count('finish'),
      aborts: count('abort'),
    };
  });
  return {
    guest: `guest/${KEYED}`,
    profile: PROFILE.name,
    keys,
    problems: readKeySections(keyed)?.problems ?? [`there is no section ${KEY_SECTION}`],
    ...traceExits(machine, keyed),
    text: { bytes: text.length, isSame: Buffer.compare(text, other) === 0 },
    instructions: {
      keyed: runLength(machine, keyed),
      unkeyed: runLength(machine, unkeyed),
    },
    stepping: measureStepping(machine, PROFILE, keyed, ['pinned', 'crowded']),
  };
}

function runLength(machine: Machine, image: ProgramImage): number {
  const load = { vcpus: 1, tasksPerVcpu: undefined, tickInstructions: 1_000_000 };
  return runUnderLoad(machine, { profile: PROFILE, image, args: ARGS }, load).instructions;
}

/** Follows one task from start to exit, again and again, and what it stores to static data. */
function traceExits(machine: Machine, image: ProgramImage): Pick<KeyRow, 'finish' | 'abort'> {
  const exits = {
    finish: { taken: 0, stores: 0 },
    abort: { taken: 0, stores: 0 },
  };
  const stage = Stage.open(machine, PROFILE, image, { workers: 1, vcpus: 1 });
  if (stage === undefined) return exits;
  const types = new Map(readKeyTuples(image)?.tuples.map(({ address, type }) => [address, type]));
  let stores = 0;
  stage.run.onAccess = (access) => {
    if (access.isStore && isStatic(image, access)) stores++;
  };
  let isInside = false;
  for (let i = 0; i < TRACED_INSTRUCTIONS; i++) {
    const type = types.get(stage.contextOf(0).registers.instructionPointer);
    if (type === 'start') {
      isInside = true;
      stores = 0;
    } else if (type !== undefined && isInside) {
      isInside = false;
      exits[type].taken++;
      exits[type].stores += stores;
    }
    stage.advance(stage.task(0), 1);
  }
  return exits;
}

/** Whether the access is to what all tasks share: not a stack, and not a thread's own block. */
function isStatic({ segments }: ProgramImage, { address }: GuestAccess): boolean {
  return segments.some(
    (each) => address >= each.address && address < each.address + each.memorySize,
  );
}
