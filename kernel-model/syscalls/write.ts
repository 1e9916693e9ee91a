import { PAGE_SIZE, TASK_SIZE_WORD } from '../hardware/address.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toUint32,
} from './context.ts';
import { parameters } from './parameters.ts';
import { copyFrom } from './user-access.ts';

const IOVEC_BYTES = 16;
/** UIO_MAXIOV. */
const IOVEC_LIMIT = 1024;
/** More than this is cut off (MAX_RW_COUNT). */
const COUNT_LIMIT_BYTES = 0x7fff_f000;

/** A piece of user memory (struct iovec). */
interface Segment {
  readonly base: bigint;
  readonly lengthBytes: bigint;
}

function openForWriting(descriptor: number): 1 | 2 | undefined {
  return descriptor === 1 || descriptor === 2 ? descriptor : undefined;
}

/** access_ok, which lets the guard page below the end of user space begin. */
function isUserRange({ base, lengthBytes }: Segment): boolean {
  return base + lengthBytes <= TASK_SIZE_WORD;
}

/** Mirrors vfs_write (fs/read_write.c). */
function sysWrite(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const descriptor = openForWriting(toUint32(args[0]));
  if (descriptor === undefined) return fails('EBADF');
  const segment: Segment = { base: args[1], lengthBytes: args[2] };
  if (!isUserRange(segment)) return fails('EFAULT');
  return send(context, descriptor, [segment]);
}

/** Mirrors vfs_writev and import_iovec (lib/iov_iter.c). */
function sysWritev(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const descriptor = openForWriting(toUint32(args[0]));
  if (descriptor === undefined) return fails('EBADF');
  const count = toUint32(args[2]);
  if (count > IOVEC_LIMIT) return fails('EINVAL');
  if (count === 0) return returns(0);
  const vector = copyFrom(context.memory, args[1], count * IOVEC_BYTES);
  if (vector === undefined) return fails('EFAULT');
  const segments = parseVector(vector);
  if (segments.some((segment) => BigInt.asIntN(64, segment.lengthBytes) < 0n)) {
    return fails('EINVAL');
  }
  if (!segments.every(isUserRange)) return fails('EFAULT');
  return send(context, descriptor, segments);
}

function parseVector(vector: Uint8Array): Segment[] {
  const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
  const segments: Segment[] = [];
  for (let at = 0; at < vector.length; at += IOVEC_BYTES) {
    segments.push({
      base: view.getBigUint64(at, true),
      lengthBytes: view.getBigUint64(at + 8, true),
    });
  }
  return segments;
}

/**
 * Sends the segments one after the other as pipe_write does: in pieces of a page, of which one that
 * faults is dropped whole. Returns what went out, or EFAULT if nothing did.
 */
function send(
  { memory, host }: SyscallContext,
  descriptor: 1 | 2,
  segments: readonly Segment[],
): SyscallResult {
  let sentBytes = 0;
  for (const piece of cutIntoPieces(segments)) {
    const bytes = gather(memory, piece);
    if (bytes === undefined) return sentBytes > 0 ? returns(sentBytes) : fails('EFAULT');
    host.output(descriptor, bytes);
    sentBytes += bytes.length;
  }
  return returns(sentBytes);
}

/** The segments in pieces of a page altogether, the last one shorter. */
function* cutIntoPieces(segments: readonly Segment[]): Generator<readonly Segment[]> {
  let piece: Segment[] = [];
  let room = PAGE_SIZE;
  let left = COUNT_LIMIT_BYTES;
  for (const segment of segments) {
    let offset = 0n;
    while (offset < segment.lengthBytes && left > 0) {
      const rest = segment.lengthBytes - offset;
      const length = Math.min(room, left, rest > BigInt(PAGE_SIZE) ? PAGE_SIZE : Number(rest));
      piece.push({ base: segment.base + offset, lengthBytes: BigInt(length) });
      offset += BigInt(length);
      room -= length;
      left -= length;
      if (room > 0) continue;
      yield piece;
      piece = [];
      room = PAGE_SIZE;
    }
  }
  if (piece.length > 0) yield piece;
}

function gather(memory: UserMemory, piece: readonly Segment[]): Uint8Array | undefined {
  const bytes = new Uint8Array(PAGE_SIZE);
  let length = 0;
  for (const segment of piece) {
    const part = copyFrom(memory, segment.base, Number(segment.lengthBytes));
    if (part === undefined) return undefined;
    bytes.set(part, length);
    length += part.length;
  }
  return bytes.subarray(0, length);
}

export const write: SyscallEntry = {
  name: 'write',
  parameters: parameters({ fd: 'int', buf: 'buffer', count: 'size' }),
  support: 'partial',
  note: 'standard output and error only; never blocks',
  handler: sysWrite,
};

export const writev: SyscallEntry = {
  name: 'writev',
  parameters: parameters({ fd: 'int', vec: 'pointer', vlen: 'size' }),
  support: 'partial',
  note: 'standard output and error only; never blocks',
  handler: sysWritev,
};
