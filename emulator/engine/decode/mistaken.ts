import { CpuidFeature, FlowControl, type Instruction, Mnemonic, OpKind, Register } from 'iced-x86';

/*
 * What some Unicorn (2.0.1 or 2.1) accepts and executes wrongly without a word, found by executing
 * every encoding natively beside it. Refused, like all that is not executed rightly.
 */

/** Wrong whatever their operands: each with what goes wrong. */
const ALWAYS: ReadonlySet<Mnemonic> = new Set([
  // 2.0.1: the carry flag is inverted; an index at or beyond the operand's size; the mask.
  Mnemonic.Blsi,
  Mnemonic.Bzhi,
  Mnemonic.Pdep,
  Mnemonic.Pext,
  // Lengths beyond 31 bits are cut off, and one of 80000000h makes the helper run wild.
  Mnemonic.Pcmpestri,
  Mnemonic.Pcmpestri64,
  Mnemonic.Pcmpestrm,
  Mnemonic.Pcmpestrm64,
  // Computed in double precision, some by the host's C library.
  Mnemonic.F2xm1,
  Mnemonic.Fcos,
  Mnemonic.Fpatan,
  Mnemonic.Fprem,
  Mnemonic.Fprem1,
  Mnemonic.Fptan,
  Mnemonic.Fsin,
  Mnemonic.Fsincos,
  Mnemonic.Fyl2x,
  Mnemonic.Fyl2xp1,
  // 2.0.1: what is too large becomes the largest integer, not the indefinite one.
  Mnemonic.Fisttp,
]);

/** They store part of the result before they have read all of their source. */
const WRONG_IN_PLACE: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Phaddd,
  Mnemonic.Phaddsw,
  Mnemonic.Phaddw,
  Mnemonic.Phsubd,
  Mnemonic.Phsubsw,
  Mnemonic.Phsubw,
]);

const SIGN_OF_IMMEDIATE_16 = 0x8000;

/** Whether Unicorn gets this instruction wrong for some values of its operands. */
export function isMistaken(instruction: Instruction): boolean {
  const { mnemonic } = instruction;
  if (ALWAYS.has(mnemonic)) return true;
  const isBetweenRegisters =
    instruction.op0Kind === OpKind.Register && instruction.op1Kind === OpKind.Register;
  if (WRONG_IN_PLACE.has(mnemonic)) {
    return isBetweenRegisters && instruction.op0Register === instruction.op1Register;
  }
  switch (mnemonic) {
    case Mnemonic.Neg:
      // The flags of another value.
      return instruction.hasLockPrefix;
    case Mnemonic.Cmpxchg:
      // A failed comparison clears the upper half of the 64-bit register.
      return isBetweenRegisters && isRegister32(instruction.op0Register);
    case Mnemonic.Ret:
      // Taken as signed.
      return instruction.opCount === 1 && instruction.immediate16 >= SIGN_OF_IMMEDIATE_16;
    default:
      return false;
  }
}

function isRegister32(register: Register): boolean {
  return register >= Register.EAX && register <= Register.R15D;
}

const OPERAND_SIZE = 0x66;
const REPNE = 0xf2;
const REP = 0xf3;
const OTHER_PREFIXES: ReadonlySet<number> = new Set([
  0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67, 0xf0,
]);
const TWO_BYTE_OPCODE = 0x0f;
const REX_W = 8;
const VECTOR_FEATURES: ReadonlySet<CpuidFeature> = new Set([
  CpuidFeature.SSE,
  CpuidFeature.SSE2,
  CpuidFeature.SSE3,
]);

/**
 * Whether prefixes come in an order or number that Unicorn understands otherwise than hardware, or
 * hardware of one maker otherwise than that of another. `code` is the instruction.
 */
export function hasMisreadPrefixes(code: Uint8Array, instruction: Instruction): boolean {
  let rex = 0;
  let hasOperandSize = false;
  let hasRepeat = false;
  for (const byte of code) {
    const isRex = (byte & 0xf0) === 0x40;
    const isRepeat = byte === REPNE || byte === REP;
    if (!isRex && !isRepeat && byte !== OPERAND_SIZE && !OTHER_PREFIXES.has(byte)) {
      // Hardware takes 66 as part of the opcode only where F2 and F3 do not.
      if (byte === TWO_BYTE_OPCODE && hasOperandSize && hasRepeat) return isVector(instruction);
      break;
    }
    // A REX prefix counts only right before the opcode.
    if (rex !== 0) return true;
    if (isRex) rex = byte;
    hasOperandSize ||= byte === OPERAND_SIZE;
    hasRepeat ||= isRepeat;
  }
  // AMD has 16-bit near branches, Intel does not.
  const isBranch = instruction.flowControl !== FlowControl.Next;
  return isBranch && hasOperandSize && (rex & REX_W) === 0;
}

/** Instructions that mandatory prefixes tell apart. */
function isVector(instruction: Instruction): boolean {
  return instruction.cpuidFeatures().some((feature) => VECTOR_FEATURES.has(feature));
}
