import type { Errno } from '../abi/errno.ts';
import { MINSIGSTKSZ, SS, STACK_T } from '../abi/signal.ts';
import { type AlternateStack, NO_ALTERNATE_STACK } from './signal-state.ts';

/** Whether a stack pointer lies on the stack, whatever its flags say (__on_sig_stack). */
export function liesOn({ pointer, sizeBytes }: AlternateStack, sp: bigint): boolean {
  return sp > pointer && sp - pointer <= sizeBytes;
}

/** on_sig_stack: a stack that disarms itself is never in use. */
export function isInUse(stack: AlternateStack, sp: bigint): boolean {
  return (stack.flags & SS.AUTODISARM) === 0 && liesOn(stack, sp);
}

/** sas_ss_flags: 0 if the stack is there to be used. */
export function stackState(stack: AlternateStack, sp: bigint): number {
  if (stack.sizeBytes === 0n) return SS.DISABLE;
  return isInUse(stack, sp) ? SS.ONSTACK : 0;
}

/** The stack that do_sigaltstack leaves when `wanted` is asked for with the stack pointer at `sp`. */
export function changeStack(
  current: AlternateStack,
  wanted: AlternateStack,
  sp: bigint,
): AlternateStack | Errno {
  if (isInUse(current, sp)) return 'EPERM';
  const mode = (wanted.flags & ~SS.AUTODISARM) >>> 0;
  if (mode !== SS.DISABLE && mode !== SS.ONSTACK && mode !== 0) return 'EINVAL';
  if (mode === SS.DISABLE) return { ...NO_ALTERNATE_STACK, flags: wanted.flags };
  const isSame =
    wanted.pointer === current.pointer &&
    wanted.sizeBytes === current.sizeBytes &&
    wanted.flags === current.flags;
  return wanted.sizeBytes < MINSIGSTKSZ && !isSame ? 'ENOMEM' : wanted;
}

/** Reads a stack_t. */
export function decodeStack(bytes: Uint8Array): AlternateStack {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    pointer: view.getBigUint64(STACK_T.pointer, true),
    flags: view.getUint32(STACK_T.flags, true),
    sizeBytes: view.getBigUint64(STACK_T.sizeBytes, true),
  };
}

/** The stack_t that sigaltstack(2) shows. */
export function encodeStack(stack: AlternateStack, sp: bigint): Uint8Array {
  const bytes = new Uint8Array(STACK_T.size);
  const view = new DataView(bytes.buffer);
  const flags = (stackState(stack, sp) | (stack.flags & SS.AUTODISARM)) >>> 0;
  view.setBigUint64(STACK_T.pointer, stack.pointer, true);
  view.setUint32(STACK_T.flags, flags, true);
  view.setBigUint64(STACK_T.sizeBytes, stack.sizeBytes, true);
  return bytes;
}
