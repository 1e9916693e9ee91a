import { GUEST_USER_ID } from '../abi/auxv.ts';
import { SI_CODE, SIGINFO } from '../abi/signal.ts';

/** A signal on its way (struct kernel_siginfo). Immutable. */
export interface SignalInfo {
  readonly signal: number;
  readonly errno: number;
  readonly code: number;
  /** The 32 bytes that mean what `code` says, as little-endian words. */
  readonly fields: readonly [bigint, bigint, bigint, bigint];
}

/** How a signal came about, where it is known by number. */
interface Origin {
  readonly signal: number;
  readonly code: number;
}

/** Of kill(2), tgkill(2) and the like: si_pid and si_uid. */
export function sentInfo(origin: Origin, senderPid: number): SignalInfo {
  return { ...origin, errno: 0, fields: [pidAndUser(senderPid), 0n, 0n, 0n] };
}

/** Of an instruction: si_addr. */
export function faultInfo(origin: Origin, address: bigint): SignalInfo {
  return { ...origin, errno: 0, fields: [BigInt.asUintN(64, address), 0n, 0n, 0n] };
}

/** Of the kernel itself, about nothing in particular (force_sig). */
export function kernelInfo(signal: number): SignalInfo {
  return { signal, errno: 0, code: SI_CODE.SI_KERNEL, fields: [0n, 0n, 0n, 0n] };
}

/** Of a child: si_pid, si_uid, si_status; no CPU time. */
export function childInfo(origin: Origin, childPid: number, status: number): SignalInfo {
  const word = BigInt.asUintN(32, BigInt(status));
  return { ...origin, errno: 0, fields: [pidAndUser(childPid), word, 0n, 0n] };
}

function pidAndUser(pid: number): bigint {
  return BigInt(pid) | (BigInt(GUEST_USER_ID) << 32n);
}

/** The whole siginfo_t (copy_siginfo_to_user). */
export function encodeSignalInfo(info: SignalInfo): Uint8Array {
  const bytes = new Uint8Array(SIGINFO.size);
  const view = new DataView(bytes.buffer);
  view.setInt32(SIGINFO.signal, info.signal, true);
  view.setInt32(SIGINFO.errno, info.errno, true);
  view.setInt32(SIGINFO.code, info.code, true);
  info.fields.forEach((word, i) => {
    view.setBigUint64(SIGINFO.fields + 8 * i, word, true);
  });
  return bytes;
}

/** What a program put together; the signal's number is the system call's. */
export function decodeSignalInfo(bytes: Uint8Array, signal: number): SignalInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (i: number): bigint => view.getBigUint64(SIGINFO.fields + 8 * i, true);
  return {
    signal,
    errno: view.getInt32(SIGINFO.errno, true),
    code: view.getInt32(SIGINFO.code, true),
    fields: [word(0), word(1), word(2), word(3)],
  };
}
