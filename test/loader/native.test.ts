import { execa } from 'execa';
import { describe, expect, type TestContext, test } from 'vitest';
import { initialMemory, type Segment } from '../../emulator/loader/image.ts';
import { loadProgram } from '../../emulator/loader/load.ts';
import {
  type AuxEntry,
  buildAuxv,
  buildInitialStack,
  type StackItem,
} from '../../emulator/loader/stack.ts';
import { AT } from '../../kernel-model/abi/auxv.ts';
import { compile, freestanding, probeSource } from './compile.ts';
import { readStack } from './stack-reader.ts';

const probe = { file: probeSource };
const withoutLibrary = [...freestanding, '-static'];
const AT_SYSINFO_EHDR = 33;
const POINTERS: ReadonlyMap<number, StackItem> = new Map([
  [AT.RANDOM, 'random-bytes'],
  [AT.EXECFN, 'exec-file-name'],
  [AT.PLATFORM, 'platform'],
]);

/** Runs a program with addresses not randomised; skips the test where that cannot be done. */
async function run(
  context: TestContext,
  path: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Buffer> {
  context.skip(process.platform !== 'linux' || process.arch !== 'x64', 'needs Linux on x86-64');
  const trial = await execa('setarch', ['-R', 'true'], { reject: false });
  context.skip(trial.failed, 'setarch is missing, or may not switch randomisation off here');
  const { stdout } = await execa('setarch', ['-R', path, ...args], {
    env,
    extendEnv: false,
    encoding: 'buffer',
  });
  return Buffer.from(stdout);
}

/** Runs the probe for its stack. */
async function nativeStack(
  context: TestContext,
  path: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
) {
  const output = await run(context, path, ['stack', ...args], env);
  return { stackPointer: Number(output.readBigUInt64LE(0)), bytes: output.subarray(8) };
}

describe('as the kernel of this machine does it', () => {
  test.for([
    { args: [] as string[], env: {} as Record<string, string> },
    { args: ['x'], env: { A: '1' } },
    { args: ['two', 'arguments', ''], env: { LONG: 'x'.repeat(5000), EMPTY: '' } },
    { args: ['grüße', 'a b\tc'], env: { PATH: '/bin', HOME: '/' } },
  ])('the stack is the same byte for byte ($args)', async ({ args, env }, context) => {
    const path = await compile(context, probe, withoutLibrary);
    const { stackPointer, bytes } = await nativeStack(context, path, args, env);
    const native = readStack(stackPointer, bytes);
    const at = (type: number) => native.auxv.find((entry) => entry.type === type)?.value ?? 0;
    const auxv = native.auxv.map(
      ({ type, value }): AuxEntry => ({ type, value: POINTERS.get(type) ?? BigInt(value) }),
    );
    const built = buildInitialStack({
      stackTop: stackPointer + bytes.length,
      argv: native.argv,
      envp: native.envp,
      auxv,
      randomBytes: native.bytesAt(at(AT.RANDOM), 16),
      platform: native.textAt(at(AT.PLATFORM)),
      execFileName: native.textAt(at(AT.EXECFN)),
    });
    expect(native.argv).toEqual([path, 'stack', ...args]);
    expect(built.stackPointer).toBe(stackPointer);
    expect(Buffer.compare(built.bytes, bytes)).toBe(0);
  });

  test('the auxiliary vector has the same entries in the same order', async (context) => {
    const path = await compile(context, probe, withoutLibrary);
    const { stackPointer, bytes } = await nativeStack(context, path);
    const native = readStack(stackPointer, bytes).auxv;
    const at = (type: number) => native.find((entry) => entry.type === type)?.value;
    const featureSizeBytes = at(AT.RSEQ_FEATURE_SIZE);
    const rseq =
      featureSizeBytes === undefined
        ? undefined
        : { featureSizeBytes, alignBytes: at(AT.RSEQ_ALIGN) ?? 0 };
    const { image } = loadProgram(path);
    const built = buildAuxv({
      image,
      hwcap: at(AT.HWCAP) ?? 0,
      hwcap2: at(AT.HWCAP2) ?? 0,
      minimumSignalStackBytes: at(AT.MINSIGSTKSZ) ?? 0,
      rseq,
    });
    const comparable = native.filter(({ type }) => type !== AT_SYSINFO_EHDR);
    const ids: readonly number[] = [AT.UID, AT.EUID, AT.GID, AT.EGID];
    expect(built).toEqual(
      comparable.map(({ type, value }) => ({
        type,
        value: POINTERS.get(type) ?? (ids.includes(type) ? 1000n : BigInt(value)),
      })),
    );
  });

  test.for([
    { name: 'segments of their own pages', options: [] as string[] },
    { name: 'text and data in one page of the file', options: ['-Wl,-z,noseparate-code'] },
  ])('memory is the same: $name', async ({ options }, context) => {
    const path = await compile(context, probe, [...withoutLibrary, ...options]);
    const { segments } = loadProgram(path).image;
    const maps = (await run(context, path, ['maps'])).toString();
    expect(segments.map(mapsLine)).toEqual(joinedMaps(maps, segments.at(-1)));
    for (const { address, memorySize } of segments) {
      const range = [address, memorySize].map((value) => value.toString(16));
      const native = await run(context, path, ['memory', ...range]);
      const ours = initialMemory(segments, address, memorySize) ?? new Uint8Array(0);
      expect(native.length).toBe(memorySize);
      expect(Buffer.compare(ours, native)).toBe(0);
    }
  });
});

interface MapsLine {
  readonly start: number;
  readonly end: number;
  readonly access: string;
}

function mapsLine({ address, memorySize, protection }: Segment): MapsLine {
  const access = ['r', 'w', 'x'].map((letter, bit) => ((protection >> bit) & 1 ? letter : '-'));
  return { start: address, end: address + memorySize, access: access.join('') };
}

/** /proc/self/maps up to the last segment; the zero-filled part of one is a mapping of its own. */
function joinedMaps(maps: string, last: Segment | undefined): MapsLine[] {
  const limit = last === undefined ? 0 : last.address + last.memorySize;
  const joined: MapsLine[] = [];
  for (const [, from, to, access = ''] of maps.matchAll(/^(\w+)-(\w+) (...)p/gm)) {
    const line = { start: Number(`0x${from}`), end: Number(`0x${to}`), access };
    const previous = joined.at(-1);
    if (line.start >= limit) break;
    if (previous?.end === line.start && previous.access === access) {
      joined[joined.length - 1] = { ...previous, end: line.end };
    } else joined.push(line);
  }
  return joined;
}
