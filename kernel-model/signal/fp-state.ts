import { FP_CONTROL_INIT, FP_TAGS_EMPTY, FXSAVE, MXCSR_INIT, MXCSR_MASK } from '../abi/sigframe.ts';
import { REGISTER_FILE } from '../hardware/register-file.ts';

const REGISTERS = 8;
const XMM_REGISTERS = 16;
const SLOT_BYTES = 16;
const TAG_EMPTY = 3n;
const TOP_SHIFT = 11n;

function at(file: BigUint64Array, index: number): bigint {
  return file[index] ?? 0n;
}

/** Which physical register st(i) is: the status word has the top of the stack. */
function physical(status: bigint, i: number): number {
  return (Number((status >> TOP_SHIFT) & 7n) + i) % REGISTERS;
}

/** The FXSAVE image of a register file; nobody's instruction and data pointers. */
export function encodeFxsave(file: BigUint64Array): Uint8Array {
  const bytes = new Uint8Array(FXSAVE.size);
  const view = new DataView(bytes.buffer);
  const status = at(file, REGISTER_FILE.fpStatus);
  const tags = at(file, REGISTER_FILE.fpTag);
  view.setUint16(FXSAVE.control, Number(at(file, REGISTER_FILE.fpControl)), true);
  view.setUint16(FXSAVE.status, Number(status), true);
  let present = 0;
  for (let i = 0; i < REGISTERS; i++) {
    if (((tags >> BigInt(2 * i)) & 3n) !== TAG_EMPTY) present |= 1 << i;
    const source = REGISTER_FILE.st + 2 * physical(status, i);
    const slot = FXSAVE.st + SLOT_BYTES * i;
    view.setBigUint64(slot, at(file, source), true);
    view.setUint16(slot + 8, Number(BigInt.asUintN(16, at(file, source + 1))), true);
  }
  view.setUint8(FXSAVE.tags, present);
  view.setUint32(FXSAVE.mxcsr, Number(at(file, REGISTER_FILE.mxcsr)), true);
  view.setUint32(FXSAVE.mxcsrMask, MXCSR_MASK, true);
  for (let word = 0; word < 2 * XMM_REGISTERS; word++) {
    view.setBigUint64(FXSAVE.xmm + 8 * word, at(file, REGISTER_FILE.xmm + word), true);
  }
  return bytes;
}

/** Puts an FXSAVE image into a register file; false, with nothing done, if FXRSTOR would fault. */
export function decodeFxsave(bytes: Uint8Array, file: BigUint64Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mxcsr = view.getUint32(FXSAVE.mxcsr, true);
  if ((mxcsr & ~MXCSR_MASK) !== 0) return false;
  const status = BigInt(view.getUint16(FXSAVE.status, true));
  const present = view.getUint8(FXSAVE.tags);
  let tags = 0n;
  for (let i = 0; i < REGISTERS; i++) {
    if ((present & (1 << i)) === 0) tags |= TAG_EMPTY << BigInt(2 * i);
    const target = REGISTER_FILE.st + 2 * physical(status, i);
    const slot = FXSAVE.st + SLOT_BYTES * i;
    file[target] = view.getBigUint64(slot, true);
    file[target + 1] = BigInt(view.getUint16(slot + 8, true));
  }
  file[REGISTER_FILE.fpControl] = BigInt(view.getUint16(FXSAVE.control, true));
  file[REGISTER_FILE.fpStatus] = status;
  file[REGISTER_FILE.fpTag] = tags;
  file[REGISTER_FILE.mxcsr] = BigInt(mxcsr);
  for (let word = 0; word < 2 * XMM_REGISTERS; word++) {
    file[REGISTER_FILE.xmm + word] = view.getBigUint64(FXSAVE.xmm + 8 * word, true);
  }
  return true;
}

/** fpu__clear_user_states: what a handler starts with. */
export function clearFpState(file: BigUint64Array): void {
  file.fill(0n, REGISTER_FILE.xmm, REGISTER_FILE.st + 2 * REGISTERS);
  file[REGISTER_FILE.mxcsr] = MXCSR_INIT;
  file[REGISTER_FILE.fpControl] = FP_CONTROL_INIT;
  file[REGISTER_FILE.fpTag] = FP_TAGS_EMPTY;
}
