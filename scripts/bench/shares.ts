import { existsSync, readFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector/promises';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

/** What a program's time is spent on. */
export type Concern =
  | 'engine'
  | 'kernel model'
  | 'hashing'
  | 'machine'
  | 'validators'
  | 'search'
  | 'other';

/** Source files by concern, the first that applies. */
const CONCERNS: readonly (readonly [Concern, RegExp])[] = [
  ['engine', /\bemulator\/engine\/|\bnode_modules\/(koffi|iced-x86)\//],
  ['hashing', /\bemulator\/machine\/(state-keys|state-hash|state-identity|page-hashes)\.ts/],
  ['hashing', /\bemulator\/machine\/(memory-key|canonical|described-state|live-state)\.ts/],
  ['hashing', /\bemulator\/machine\/hasher\.ts|\bxxhash-wasm\b|\bwasm:/],
  ['kernel model', /\bkernel-model\//],
  ['machine', /\bemulator\/machine\//],
  ['validators', /\bemulator\/validate\//],
  ['search', /\bemulator\/explore\//],
];

const SAMPLING_MICROSECONDS = 200;

/** Each concern's share of the time that `work` takes, by samples of this thread; they add up to 1. */
export async function sharesOf(work: () => void): Promise<ReadonlyMap<Concern, number>> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_MICROSECONDS });
    await session.post('Profiler.start');
    work();
    const { profile } = await session.post('Profiler.stop');
    return concernsOf(profile, new Sources());
  } finally {
    session.disconnect();
  }
}

/**
 * Adds up a profile's samples by concern. Native code has no source file: it counts to the function that
 * called it, as an engine's instructions do to the engine.
 */
export function concernsOf(
  { nodes, samples = [] }: Profiler.Profile,
  sources: { fileOf(frame: Frame): string | undefined },
): ReadonlyMap<Concern, number> {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const known = new Map<number, Concern>();
  const concernOf = (id: number): Concern => {
    let concern = known.get(id);
    if (concern === undefined) {
      const node = byId.get(id);
      const file = node && sources.fileOf(node.callFrame);
      const parent = parents.get(id);
      const inherited = parent === undefined ? 'other' : concernOf(parent);
      concern = file === undefined ? inherited : concernOfFile(file);
      known.set(id, concern);
    }
    return concern;
  };
  const counts = new Map<Concern, number>();
  for (const id of samples) {
    const concern = concernOf(id);
    counts.set(concern, (counts.get(concern) ?? 0) + 1);
  }
  return new Map([...counts].map(([concern, count]) => [concern, count / samples.length]));
}

function concernOfFile(file: string): Concern {
  return CONCERNS.find(([, pattern]) => pattern.test(file))?.[0] ?? 'other';
}

type Frame = Profiler.ProfileNode['callFrame'];

/** Finds the source file of a function, also in a bundle that has a source map beside it. */
class Sources {
  readonly #maps = new Map<string, SourceMap | undefined>();

  fileOf({ url, lineNumber, columnNumber }: Frame): string | undefined {
    if (url === '') return undefined;
    const map = this.#mapOf(url);
    if (map === undefined) return url;
    const entry = map.findEntry(lineNumber, columnNumber);
    return 'originalSource' in entry ? entry.originalSource : url;
  }

  #mapOf(url: string): SourceMap | undefined {
    if (!this.#maps.has(url)) this.#maps.set(url, readMap(url));
    return this.#maps.get(url);
  }
}

function readMap(url: string): SourceMap | undefined {
  if (!url.startsWith('file:')) return undefined;
  const path = `${fileURLToPath(url)}.map`;
  return existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : undefined;
}
