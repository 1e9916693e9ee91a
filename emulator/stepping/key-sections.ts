import { formatAddress } from '../../kernel-model/hardware/address.ts';
import { initialMemory, type ProgramImage } from '../loader/image.ts';
import { KEY_SECTION, type KeyTuple, readKeyTuples } from '../loader/rseq-keys.ts';
import { type CodeReader, type Flow, flowAt } from './flow.ts';

/** Instructions followed from the entries of one key. */
const WALK_LIMIT_INSTRUCTIONS = 20_000;
/** Instructions from a failed attempt back to an entry. */
const RETRY_LIMIT_INSTRUCTIONS = 256;

/** What the tuples of one key say, and the instructions in between. */
export interface KeyedSection {
  readonly key: number;
  readonly starts: ReadonlySet<number>;
  /** Of rseq_finish and rseq_abort. */
  readonly exits: ReadonlySet<number>;
  /** Instructions from which an exit can be reached without another start. */
  readonly inside: ReadonlySet<number>;
}

export interface KeyedSections {
  readonly sections: readonly KeyedSection[];
  /** What is wrong with the key section, one line each. */
  readonly problems: readonly string[];
}

/**
 * The sections of a program with a key section, `undefined` if it has none. The code between entries
 * and exits is decoded to see whether the tuples can be true: keys without entry or exit, exits that
 * no entry leads to, and ways out that no tuple names are reported. Only keys with both are usable.
 */
export function readKeySections(image: ProgramImage): KeyedSections | undefined {
  const read = readKeyTuples(image);
  if (read === undefined) return undefined;
  const code: CodeReader = (address, length) => initialMemory(image.segments, address, length);
  const problems = [...read.problems];
  const sections: KeyedSection[] = [];
  for (const [key, tuples] of groupByKey(read.tuples)) {
    const name = `section ${KEY_SECTION}: key ${image.symbols.format(key)}`;
    const starts = addressesOf(tuples, 'start');
    const exits = new Set([...addressesOf(tuples, 'finish'), ...addressesOf(tuples, 'abort')]);
    if (starts.size === 0) problems.push(`${name} has no start`);
    if (exits.size === 0) problems.push(`${name} has no exit`);
    if (starts.size === 0 || exits.size === 0) continue;
    const { inside, complaints } = checkSection(code, starts, exits, image);
    problems.push(...complaints.map((complaint) => `${name}: ${complaint}`));
    sections.push({ key, starts, exits, inside });
  }
  return { sections, problems };
}

function groupByKey(tuples: readonly KeyTuple[]): ReadonlyMap<number, readonly KeyTuple[]> {
  const groups = new Map<number, KeyTuple[]>();
  for (const tuple of tuples) {
    const group = groups.get(tuple.key);
    if (group === undefined) groups.set(tuple.key, [tuple]);
    else group.push(tuple);
  }
  return groups;
}

function addressesOf(tuples: readonly KeyTuple[], type: KeyTuple['type']): ReadonlySet<number> {
  return new Set(tuples.filter((tuple) => tuple.type === type).map(({ address }) => address));
}

function checkSection(
  code: CodeReader,
  starts: ReadonlySet<number>,
  exits: ReadonlySet<number>,
  { symbols }: ProgramImage,
) {
  const graph = walk(code, starts, exits);
  const inside = leadingTo(exits, graph, starts);
  const complaints: string[] = [];
  for (const exit of exits) {
    if (graph.has(exit)) continue;
    complaints.push(`no start leads to the exit at ${symbols.format(exit)}`);
  }
  const unlisted = new Set<number>();
  for (const address of inside) {
    for (const next of graph.get(address) ?? []) {
      if (inside.has(next) || exits.has(next) || starts.has(next)) continue;
      if (!leadsBack(code, next, starts)) unlisted.add(next);
    }
  }
  for (const address of unlisted) {
    const where = `${symbols.format(address)} (${formatAddress(address)})`;
    complaints.push(`it can be left for ${where}, which is not listed as an exit`);
  }
  return { inside, complaints };
}

/** By address: the instructions after each that the starts lead to, up to and with the exits. */
type Graph = ReadonlyMap<number, readonly number[]>;

function walk(code: CodeReader, starts: ReadonlySet<number>, exits: ReadonlySet<number>): Graph {
  const graph = new Map<number, readonly number[]>();
  const pending = [...starts];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (graph.has(at) || graph.size >= WALK_LIMIT_INSTRUCTIONS) continue;
    const next = exits.has(at) ? [] : successors(flowAt(code, at));
    graph.set(at, next);
    pending.push(...next);
  }
  return graph;
}

/** Calls are taken to return. */
function successors(flow: Flow | undefined): readonly number[] {
  switch (flow?.kind) {
    case 'straight':
    case 'call':
    case 'syscall':
      return [flow.next];
    case 'branch':
      return [flow.next, flow.target ?? flow.next];
    case 'jump':
      return [flow.target ?? flow.next];
    case 'lost':
    case undefined:
      return [];
  }
}

/** The instructions from which an exit can be reached without passing a start. */
function leadingTo(exits: ReadonlySet<number>, graph: Graph, starts: ReadonlySet<number>) {
  const before = new Map<number, number[]>();
  for (const [address, next] of graph) {
    for (const each of next) before.set(each, [...(before.get(each) ?? []), address]);
  }
  const found = new Set<number>();
  const pending = [...exits];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (starts.has(at)) continue;
    for (const address of before.get(at) ?? []) {
      if (found.has(address)) continue;
      found.add(address);
      pending.push(address);
    }
  }
  return found;
}

/** Whether all that follows is another attempt: straight back to a start, with no choice on the way. */
function leadsBack(code: CodeReader, from: number, starts: ReadonlySet<number>): boolean {
  let at = from;
  for (let count = 0; count < RETRY_LIMIT_INSTRUCTIONS; count++) {
    if (starts.has(at)) return true;
    const flow = flowAt(code, at);
    if (flow?.kind === 'straight') at = flow.next;
    else if (flow?.kind === 'jump' && flow.target !== undefined) at = flow.target;
    else return false;
  }
  return false;
}
